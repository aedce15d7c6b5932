/* SPDX-License-Identifier: MIT */
/* lower() for one request and one kernel, and kernels to try. */
#pragma once

#include <cstdint>
#include <vector>

#include "features.hpp"
#include "plan.hpp"
#include "request.hpp"

namespace unit
{

constexpr std::uint64_t linux_5_3 =
	spawnx_core::feature::bit(spawnx_core::feature::CLONE3);
constexpr std::uint64_t linux_5_9 = linux_5_3 |
	spawnx_core::feature::bit(spawnx_core::feature::CLEAR_SIGHAND) |
	spawnx_core::feature::bit(spawnx_core::feature::INTO_CGROUP) |
	spawnx_core::feature::bit(spawnx_core::feature::PIDFD) |
	spawnx_core::feature::bit(spawnx_core::feature::CLOSE_RANGE);
constexpr std::uint64_t linux_7_1 = spawnx_core::feature::all;
/* A filter that refuses clone3 on a kernel that has all. */
constexpr std::uint64_t clone3_blocked = spawnx_core::feature::all & ~linux_5_3;

constexpr std::uint64_t as_vfork =
	spawnx_core::kernel::clone_vm | spawnx_core::kernel::clone_vfork;

using steps = std::vector<spawnx_core::op>;

struct lowered {
	int error;
	unsigned missing = 99;
	spawnx_core::plan p;

	lowered(const spawnx_core::request &r, std::uint64_t native)
	{
		error = spawnx_core::lower(r, native, p, missing);
	}
	steps head() const
	{
		return steps_of(p.head, p.head_count);
	}
	steps tail() const
	{
		return steps_of(p.tail, p.tail_count);
	}

private:
	static steps steps_of(const spawnx_core::step *first, unsigned count)
	{
		steps found;
		for (unsigned i = 0; i < count; i++)
			found.push_back(first[i].what);
		return found;
	}
};

} // namespace unit
