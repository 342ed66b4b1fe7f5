/*
 * pages_join.h - an answer that comes in pages, as one JSON object.
 */
#ifndef ECTL_PAGES_JOIN_H
#define ECTL_PAGES_JOIN_H

#include "call.h"

/* The first page makes '*whole'; of the others the named lists (ended by NULL) are added to it, the other members are
 * those of the newest page, but "complete", which is true when it is in all.  False: no memory. */
bool pages_join(json_t **whole, const ProtobufCMessage *page, const char *const *lists);
/* After the last: "rests_on" ascending, each index once. */
void pages_joined(json_t *whole);

#endif
