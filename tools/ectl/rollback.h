/*
 * rollback.h - the two halves of "ectl rollback": asking for the set, and writing the request.
 */
#ifndef ECTL_ROLLBACK_H
#define ECTL_ROLLBACK_H

#include "call.h"

/* All pages of a set, joined; 0 or an exit code, message printed.  'most': items wanted, 0: all.  Free with
 * rollback_free(). */
int rollback_ask(const struct globals *g, const struct args *a, const char *scope, uint64_t most,
    Ectledger__V1__RollbackReply **out);
void rollback_free(Ectledger__V1__RollbackReply *reply);

/* "--emit": sign a rollback_request about this task and append it; prints its row. */
int rollback_emit(const struct globals *g, const struct args *a, const char *scope);

#endif
