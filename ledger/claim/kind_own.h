/*
 * kind_own.h - a table of kinds from inside; private to claim/.
 */
#ifndef CLAIM_KIND_OWN_H
#define CLAIM_KIND_OWN_H

#include "claim/kind.h"

struct kinds {
	const struct kind *rows; /* the first is the plain task */
	size_t count;
};

#endif
