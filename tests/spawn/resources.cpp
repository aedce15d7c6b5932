/* SPDX-License-Identifier: MIT */
/* Limits, umask, nice, affinity and oom score, as the child finds them. */
#include "refusal.hpp"

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <linux/capability.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace support;

namespace
{

constexpr int resources = static_cast<int>(RLIM_NLIMITS);

rlimit limit_here(int resource)
{
	rlimit l;
	REQUIRE(getrlimit(static_cast<__rlimit_resource_t>(resource), &l) == 0);
	return l;
}

std::string words(const rlimit &l)
{
	return std::to_string(l.rlim_cur) + "," + std::to_string(l.rlim_max);
}

std::string in_child(const report &r, int resource)
{
	return r.at("limit." + std::to_string(resource));
}

std::string parse_status(const std::string &wanted)
{
	std::ifstream in("/proc/self/status");
	for (std::string key, value; in >> key && std::getline(in, value);)
		if (key == wanted + ":")
			return value;
	return "0";
}

std::string oom_score_adj_here()
{
	std::string text;
	std::ifstream("/proc/self/oom_score_adj") >> text;
	return text;
}

bool may(int capability)
{
	const auto effective = parse_status("CapEff");
	return std::stoull(effective, nullptr, 16) >> capability & 1;
}

/* Cpus_allowed_list has a lone cpu as its number. */
int a_cpu_of_ours()
{
	cpu_set_t set;
	REQUIRE(sched_getaffinity(0, sizeof(set), &set) == 0);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			return cpu;
	return -1;
}

} // namespace

SPAWNX_TEST("rlimit: all sixteen at once, each its own; ours stay")
{
	attributes attr;
	rlimit wanted[resources], before[resources];
	for (int i = 0; i < resources; i++) {
		before[i] = limit_here(i);
		wanted[i] = before[i];
		/* Lower and different, where that does not take the child's life. */
		if (i == RLIMIT_NOFILE || i == RLIMIT_SIGPENDING || i == RLIMIT_MSGQUEUE)
			wanted[i].rlim_cur = static_cast<rlim_t>(20 + i);
		if (i == RLIMIT_CORE || i == RLIMIT_LOCKS || i == RLIMIT_RTTIME)
			wanted[i].rlim_cur = 0;
		if (i == RLIMIT_CPU)
			wanted[i] = {std::min<rlim_t>(before[i].rlim_max, 1000),
				std::min<rlim_t>(before[i].rlim_max, 1001)};
		REQUIRE(CALL(spawnxattr_setrlimit(attr, i, &wanted[i])) == 0);
	}
	const report r = spawn_report(nullptr, attr), plain = spawn_report();
	for (int i = 0; i < resources; i++) {
		INFO(i);
		rlimit got;
		REQUIRE(CALL(spawnxattr_getrlimit(attr, i, &got)) == 0);
		CHECK(words(got) == words(wanted[i]));
		CHECK(in_child(r, i) == words(wanted[i]));
		CHECK(in_child(plain, i) == words(before[i]));
		CHECK(words(limit_here(i)) == words(before[i]));
	}
	CHECK(in_child(r, RLIMIT_CPU) != in_child(plain, RLIMIT_CPU));
}

SPAWNX_TEST("rlimit: only those that were set; the last word counts")
{
	attributes attr;
	rlimit l = {3, 7};
	REQUIRE(CALL(spawnxattr_setrlimit(attr, RLIMIT_MSGQUEUE, &l)) == 0);
	l = {5, 6};
	REQUIRE(CALL(spawnxattr_setrlimit(attr, RLIMIT_MSGQUEUE, &l)) == 0);
	l = {1, 1}; /* a copy is kept */
	const report r = spawn_report(nullptr, attr), plain = spawn_report();
	for (int i = 0; i < resources; i++)
		CHECK(in_child(r, i) ==
			(i == RLIMIT_MSGQUEUE ? "5,6" : in_child(plain, i)));
}

SPAWNX_TEST("rlimit: what the setter and the getter refuse")
{
	attributes attr;
	spawnxattr_t none = nullptr;
	rlimit l = {5, 4};
	CHECK(CALL(spawnxattr_setrlimit(attr, RLIMIT_CPU, &l)) == EINVAL);
	l = {RLIM_INFINITY, 4};
	CHECK(CALL(spawnxattr_setrlimit(attr, RLIMIT_CPU, &l)) == EINVAL);
	CHECK(CALL(spawnxattr_getrlimit(attr, RLIMIT_CPU, &l)) == ENOENT);
	l = {4, 4};
	for (const int bad : {-1, resources, 1 << 30}) {
		CHECK(CALL(spawnxattr_setrlimit(attr, bad, &l)) == EINVAL);
		CHECK(CALL(spawnxattr_getrlimit(attr, bad, &l)) == EINVAL);
	}
	CHECK(CALL(spawnxattr_setrlimit(attr, 0, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_setrlimit(nullptr, 0, &l)) == EINVAL);
	CHECK(CALL(spawnxattr_setrlimit(&none, 0, &l)) == EINVAL);
	CHECK(CALL(spawnxattr_getrlimit(attr, 0, nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_getrlimit(nullptr, 0, &l)) == EINVAL);
	CHECK(CALL(spawnxattr_getrlimit(&none, 0, &l)) == EINVAL);
	REQUIRE(CALL(spawnxattr_setrlimit(attr, resources - 1, &l)) == 0);
	CHECK(CALL(spawnxattr_getrlimit(attr, RLIMIT_CPU, &l)) == ENOENT);
}

/* Nobody, root included, may have more descriptors than fs.nr_open. */
SPAWNX_TEST("rlimit: above what is allowed is EPERM and says which limit")
{
	const rlimit too_many = {RLIM_INFINITY, RLIM_INFINITY}, small = {0, 0};
	attributes attr;
	REQUIRE(CALL(spawnxattr_setrlimit(attr, RLIMIT_CORE, &small)) == 0);
	REQUIRE(CALL(spawnxattr_setrlimit(attr, RLIMIT_NOFILE, &too_many)) == 0);
	const spawnx_failure f = must_fail(EPERM, SPAWNX_STAGE_LIMITS, nullptr, attr);
	CHECK(f.index == RLIMIT_NOFILE);
	CHECK(f.fd == -1);
	CHECK(std::string(f.text).empty());
	CHECK(in_words(f) == "RLIMIT_NOFILE: Operation not permitted");
}

SPAWNX_TEST("rlimit: an ordinary user cannot raise a hard limit, whichever", "[user]")
{
	static const char *const names[] = {"CPU", "FSIZE", "DATA", "STACK", "CORE",
		"RSS", "NPROC", "NOFILE", "MEMLOCK", "AS", "LOCKS", "SIGPENDING",
		"MSGQUEUE", "NICE", "RTPRIO", "RTTIME"};
	int refused = 0;
	for (int i = 0; i < resources; i++) {
		rlimit l = limit_here(i);
		if (l.rlim_max == RLIM_INFINITY)
			continue;
		l.rlim_max++;
		attributes attr;
		REQUIRE(CALL(spawnxattr_setrlimit(attr, i, &l)) == 0);
		const spawnx_failure f =
			must_fail(EPERM, SPAWNX_STAGE_LIMITS, nullptr, attr);
		CHECK(f.index == i);
		CHECK(in_words(f) ==
			"RLIMIT_" + std::string(names[i]) + ": Operation not permitted");
		refused++;
	}
	CHECK(refused > 0);
}

SPAWNX_TEST("rlimit: the limit on descriptors holds for the file actions already")
{
	attributes attr;
	const rlimit few = {50, 60};
	REQUIRE(CALL(spawnxattr_setrlimit(attr, RLIMIT_NOFILE, &few)) == 0);
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_adddup2(actions, 0, 49)) == 0);
	CHECK(spawn_report(actions, attr).count("fd.49") == 1);
	REQUIRE(CALL(spawnx_file_actions_adddup2(actions, 0, 50)) == 0);
	const spawnx_failure f = must_fail(EBADF, SPAWNX_STAGE_ACTION, actions, attr);
	CHECK(f.index == 1);
	CHECK(f.fd == 0);
}

SPAWNX_TEST("umask is the program's, not the file actions'; ours stays")
{
	const scratch base;
	const std::string path = base.path + ".made";
	attributes attr;
	mode_t got = 0;
	CHECK(CALL(spawnxattr_getumask(attr, &got)) == ENOENT);
	REQUIRE(CALL(spawnxattr_setumask(attr, 0777)) == 0);
	REQUIRE(CALL(spawnxattr_getumask(attr, &got)) == 0);
	CHECK(got == 0777);
	file_actions actions;
	REQUIRE(CALL(spawnx_file_actions_addopen(
			actions, 5, path.c_str(), O_WRONLY | O_CREAT, 0666)) == 0);
	const mode_t before = umask(022);
	/* report's own file is there already. */
	const report r = spawn_report(actions, attr), plain = spawn_report();
	const mode_t after = umask(before);
	struct stat st;
	REQUIRE(stat(path.c_str(), &st) == 0);
	unlink(path.c_str());
	CHECK(r.at("umask") == std::to_string(0777));
	CHECK(plain.at("umask") == std::to_string(022));
	CHECK((st.st_mode & 0777) == 0644);
	CHECK(after == 022);
	REQUIRE(CALL(spawnxattr_setumask(attr, 0)) == 0);
	CHECK(spawn_report(nullptr, attr).at("umask") == "0");
	CHECK(CALL(spawnxattr_setumask(attr, 01000)) == EINVAL);
	CHECK(CALL(spawnxattr_setumask(attr, static_cast<mode_t>(-1))) == EINVAL);
	CHECK(CALL(spawnxattr_setumask(nullptr, 0)) == EINVAL);
	CHECK(CALL(spawnxattr_getumask(attr, nullptr)) == EINVAL);
	REQUIRE(CALL(spawnxattr_getumask(attr, &got)) == 0);
	CHECK(got == 0);
}

SPAWNX_TEST("nice is absolute, and the child's alone")
{
	const int here = getpriority(PRIO_PROCESS, 0);
	attributes attr;
	int got = -99;
	CHECK(CALL(spawnxattr_getnice(attr, &got)) == ENOENT);
	for (const int nice : {19, std::min(here + 3, 19)}) {
		REQUIRE(CALL(spawnxattr_setnice(attr, nice)) == 0);
		REQUIRE(CALL(spawnxattr_getnice(attr, &got)) == 0);
		CHECK(got == nice);
		CHECK(spawn_report(nullptr, attr).at("nice") == std::to_string(nice));
	}
	CHECK(getpriority(PRIO_PROCESS, 0) == here);
	for (const int bad : {-21, 20, 1 << 30})
		CHECK(CALL(spawnxattr_setnice(attr, bad)) == EINVAL);
	CHECK(CALL(spawnxattr_setnice(nullptr, 0)) == EINVAL);
	CHECK(CALL(spawnxattr_getnice(attr, nullptr)) == EINVAL);
}

/* Root in a container may lack it, so who we are does not tell. */
SPAWNX_TEST("nice: lower needs CAP_SYS_NICE")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setnice(attr, -20)) == 0);
	if (may(CAP_SYS_NICE)) {
		CHECK(spawn_report(nullptr, attr).at("nice") == "-20");
		return;
	}
	const spawnx_failure f = must_fail(EACCES, SPAWNX_STAGE_SCHED, nullptr, attr);
	CHECK(f.index == -1);
	CHECK(f.fd == -1);
	CHECK(in_words(f) == "nice: Permission denied");
}

SPAWNX_TEST("affinity: one cpu, by sets of every size; ours stays")
{
	const int cpu = a_cpu_of_ours();
	cpu_set_t before, after;
	REQUIRE(sched_getaffinity(0, sizeof(before), &before) == 0);
	const std::string ours = spawn_report().at("Cpus_allowed_list");
	/* In bytes: from the one the cpu is in up to what no kernel has. */
	for (const std::size_t size : {static_cast<std::size_t>(cpu / 64 * 8 + 8),
		     sizeof(cpu_set_t), std::size_t(4096)}) {
		INFO(size);
		std::vector<cpu_set_t> sets(4096 / sizeof(cpu_set_t));
		CPU_ZERO_S(4096, sets.data());
		CPU_SET_S(static_cast<std::size_t>(cpu), size, sets.data());
		attributes attr;
		REQUIRE(CALL(spawnxattr_setaffinity(attr, size, sets.data())) == 0);
		CPU_ZERO_S(4096, sets.data()); /* a copy is kept */
		CHECK(spawn_report(nullptr, attr).at("Cpus_allowed_list") ==
			std::to_string(cpu));
	}
	REQUIRE(sched_getaffinity(0, sizeof(after), &after) == 0);
	CHECK(CPU_EQUAL(&before, &after));
	CHECK(spawn_report().at("Cpus_allowed_list") == ours);
}

SPAWNX_TEST("affinity: cpus that are not there are left out, or refused by the kernel")
{
	const int cpu = a_cpu_of_ours();
	constexpr std::size_t size = 4096; /* 32768 cpus: the last is nowhere */
	std::vector<cpu_set_t> sets(size / sizeof(cpu_set_t));
	CPU_ZERO_S(size, sets.data());
	CPU_SET_S(8 * size - 1, size, sets.data());
	attributes attr;
	REQUIRE(CALL(spawnxattr_setaffinity(attr, size, sets.data())) == 0);
	const spawnx_failure f = must_fail(EINVAL, SPAWNX_STAGE_SCHED, nullptr, attr);
	CHECK(f.index == -1);
	CHECK(f.fd == -1);
	CHECK(in_words(f) == "affinity: Invalid argument");
	CPU_SET_S(static_cast<std::size_t>(cpu), size, sets.data());
	REQUIRE(CALL(spawnxattr_setaffinity(attr, size, sets.data())) == 0);
	CHECK(spawn_report(nullptr, attr).at("Cpus_allowed_list") == std::to_string(cpu));
}

SPAWNX_TEST("affinity: its getter takes other sizes; what setter and getter refuse")
{
	attributes attr;
	spawnxattr_t none = nullptr;
	cpu_set_t set, got;
	CPU_ZERO(&set);
	CHECK(CALL(spawnxattr_getaffinity(attr, sizeof(got), &got)) == ENOENT);
	CHECK(CALL(spawnxattr_setaffinity(attr, sizeof(set), &set)) ==
		EINVAL); /* empty */
	CPU_SET(9, &set);
	CHECK(CALL(spawnxattr_setaffinity(attr, 0, &set)) == EINVAL);
	CHECK(CALL(spawnxattr_setaffinity(attr, 1, &set)) == EINVAL); /* cpus 0 to 7 */
	CHECK(CALL(spawnxattr_setaffinity(attr, sizeof(set), nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_setaffinity(nullptr, sizeof(set), &set)) == EINVAL);
	CHECK(CALL(spawnxattr_setaffinity(&none, sizeof(set), &set)) == EINVAL);
	CHECK(CALL(spawnxattr_getaffinity(attr, sizeof(got), &got)) == ENOENT);

	REQUIRE(CALL(spawnxattr_setaffinity(attr, 16, &set)) == 0);
	/* Longer: the rest is empty. Shorter: if what was set has room. */
	memset(&got, 0xff, sizeof(got));
	REQUIRE(CALL(spawnxattr_getaffinity(attr, sizeof(got), &got)) == 0);
	CHECK(CPU_EQUAL(&got, &set));
	memset(&got, 0xff, sizeof(got));
	REQUIRE(CALL(spawnxattr_getaffinity(attr, 2, &got)) == 0);
	CHECK(CPU_COUNT_S(8, &got) == 1 + 48); /* two bytes written, no more */
	CHECK(CPU_ISSET(9, &got));
	CHECK(CALL(spawnxattr_getaffinity(attr, 1, &got)) == EINVAL);
	CHECK(CALL(spawnxattr_getaffinity(attr, 0, &got)) == EINVAL);
	CHECK(CALL(spawnxattr_getaffinity(attr, sizeof(got), nullptr)) == EINVAL);
	CHECK(CALL(spawnxattr_getaffinity(nullptr, sizeof(got), &got)) == EINVAL);
	CHECK(CALL(spawnxattr_getaffinity(&none, sizeof(got), &got)) == EINVAL);
}

SPAWNX_TEST("oom score: the child's own; ours stays, though memory is shared")
{
	const std::string here = oom_score_adj_here();
	attributes attr;
	int got = -1;
	CHECK(CALL(spawnxattr_getoomscoreadj(attr, &got)) == ENOENT);
	for (const int score : {1000, 999, std::stoi(here)}) {
		REQUIRE(CALL(spawnxattr_setoomscoreadj(attr, score)) == 0);
		REQUIRE(CALL(spawnxattr_getoomscoreadj(attr, &got)) == 0);
		CHECK(got == score);
		CHECK(spawn_report(nullptr, attr).at("oom_score_adj") ==
			std::to_string(score));
		CHECK(oom_score_adj_here() == here);
	}
	CHECK(spawn_report().at("oom_score_adj") == here);
	for (const int bad : {-1001, 1001})
		CHECK(CALL(spawnxattr_setoomscoreadj(attr, bad)) == EINVAL);
	CHECK(CALL(spawnxattr_setoomscoreadj(nullptr, 0)) == EINVAL);
	CHECK(CALL(spawnxattr_getoomscoreadj(attr, nullptr)) == EINVAL);
	REQUIRE(CALL(spawnxattr_getoomscoreadj(attr, &got)) == 0);
	CHECK(got == std::stoi(here)); /* and the text goes with the number */
	CHECK(spawn_report(nullptr, attr).at("oom_score_adj") == here);
}

SPAWNX_TEST("oom score: lower needs CAP_SYS_RESOURCE")
{
	attributes attr;
	REQUIRE(CALL(spawnxattr_setoomscoreadj(attr, -1000)) == 0);
	if (may(CAP_SYS_RESOURCE)) {
		CHECK(spawn_report(nullptr, attr).at("oom_score_adj") == "-1000");
		return;
	}
	const spawnx_failure f = must_fail(EACCES, SPAWNX_STAGE_LIMITS, nullptr, attr);
	CHECK(f.index == -1);
	CHECK(f.fd == -1);
	CHECK(in_words(f) == "oom_score_adj: Permission denied");
}
