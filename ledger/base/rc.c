/*
 * rc.c - the one error list as tables, and the filling of a struct why.
 *
 * Every table is made from proto/errors.def, so a code cannot have a label and lack a status.  Wire
 * codes have no order to rely on: look-ups are switches, not arrays.
 */
#include "base/rc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum rc
why_set(struct why *why, enum rc rc, const char *rule, const char *claim, size_t at,
    const char *format, ...)
{
	va_list args;

	if (why == NULL)
		return rc;
	why->rule = rule != NULL ? rule : rc_label(rc);
	why->claim = claim;
	why->at = at;
	va_start(args, format);
	if (vsnprintf(why->text, sizeof(why->text), format, args) < 0)
		why->text[0] = '\0';
	va_end(args);
	return rc;
}

const char *
rc_label(enum rc rc)
{
	switch (rc) {
#define X(name, label, wire, grpc, http, retry, text)                                              \
	case RC_##name:                                                                            \
		return label;
#include "proto/errors.def"
#undef X
	case RC_COUNT:
		break;
	}
	return "internal";
}

const char *
rc_text(enum rc rc)
{
	switch (rc) {
#define X(name, label, wire, grpc, http, retry, text)                                              \
	case RC_##name:                                                                            \
		return text;
#include "proto/errors.def"
#undef X
	case RC_COUNT:
		break;
	}
	return rc_text(RC_INTERNAL);
}

int
rc_grpc(enum rc rc)
{
	switch (rc) {
#define X(name, label, wire, grpc, http, retry, text)                                              \
	case RC_##name:                                                                            \
		return grpc;
#include "proto/errors.def"
#undef X
	case RC_COUNT:
		break;
	}
	return rc_grpc(RC_INTERNAL);
}

int
rc_http(enum rc rc)
{
	switch (rc) {
#define X(name, label, wire, grpc, http, retry, text)                                              \
	case RC_##name:                                                                            \
		return http;
#include "proto/errors.def"
#undef X
	case RC_COUNT:
		break;
	}
	return rc_http(RC_INTERNAL);
}

bool
rc_retry(enum rc rc)
{
	switch (rc) {
#define X(name, label, wire, grpc, http, retry, text)                                              \
	case RC_##name:                                                                            \
		return (retry) != 0;
#include "proto/errors.def"
#undef X
	case RC_COUNT:
		break;
	}
	return false;
}

enum rc
rc_from_wire(uint32_t wire)
{
	switch (wire) {
#define X(name, label, number, grpc, http, retry, text)                                            \
	case (number):                                                                             \
		return RC_##name;
#include "proto/errors.def"
#undef X
	default:
		/* A newer server may know codes that we do not: its "no" must stay a "no". */
		return RC_INTERNAL;
	}
}
