/*
 * token_append.h - one token to the server, and its row to standard output.
 */
#ifndef ECTL_TOKEN_APPEND_H
#define ECTL_TOKEN_APPEND_H

#include "ectl.h"

/* 0, EXIT_NO when it is refused, or why it could not be sent. */
int token_append(const struct globals *g, const struct buf *token);

#endif
