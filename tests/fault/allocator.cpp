/* SPDX-License-Identifier: MIT */
#include "allocator.hpp"

#include <cerrno>
#include <cstddef>
#include <sys/capability.h>

namespace fault
{

long fails_at = -1, allocations, kept;

} // namespace fault

using namespace fault;

static bool fails()
{
	allocations++;
	if (fails_at >= 0 && fails_at-- == 0) {
		errno = ENOMEM;
		return true;
	}
	return false;
}

template <typename T> static T *counted(T *p)
{
	kept += p != nullptr;
	return p;
}

extern "C" {
void *__real_malloc(std::size_t);
void *__real_calloc(std::size_t, std::size_t);
void *__real_reallocarray(void *, std::size_t, std::size_t);
char *__real_strdup(const char *);
void __real_free(void *);
cap_iab_t __real_cap_iab_from_text(const char *);
char *__real_cap_iab_to_text(cap_iab_t);
int __real_cap_free(void *);
void *__wrap_malloc(std::size_t);
void *__wrap_calloc(std::size_t, std::size_t);
void *__wrap_reallocarray(void *, std::size_t, std::size_t);
char *__wrap_strdup(const char *);
void __wrap_free(void *);
cap_iab_t __wrap_cap_iab_from_text(const char *);
char *__wrap_cap_iab_to_text(cap_iab_t);
int __wrap_cap_free(void *);

void *__wrap_malloc(std::size_t n)
{
	return fails() ? nullptr : counted(__real_malloc(n));
}

void *__wrap_calloc(std::size_t n, std::size_t size)
{
	return fails() ? nullptr : counted(__real_calloc(n, size));
}

void *__wrap_reallocarray(void *p, std::size_t n, std::size_t size)
{
	if (fails())
		return nullptr;
	kept -= p != nullptr;
	return counted(__real_reallocarray(p, n, size));
}

char *__wrap_strdup(const char *s)
{
	return fails() ? nullptr : counted(__real_strdup(s));
}

void __wrap_free(void *p)
{
	kept -= p != nullptr;
	__real_free(p);
}

cap_iab_t __wrap_cap_iab_from_text(const char *text)
{
	return fails() ? nullptr : counted(__real_cap_iab_from_text(text));
}

char *__wrap_cap_iab_to_text(cap_iab_t iab)
{
	return fails() ? nullptr : counted(__real_cap_iab_to_text(iab));
}

int __wrap_cap_free(void *p)
{
	kept -= p != nullptr;
	return __real_cap_free(p);
}
}
