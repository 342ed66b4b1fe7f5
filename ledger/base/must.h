/*
 * must.h - assertions that stay on in every build.  A broken one is our bug: print, abort, never go
 * on.
 */
#ifndef BASE_MUST_H
#define BASE_MUST_H

#define must(cond) ((cond) ? (void)0 : must_failed(#cond, __FILE__, __LINE__, __func__))

_Noreturn void must_failed(const char *cond, const char *file, int line, const char *func);

#endif
