/*
 * chunks.c - the table of chunks is made once, as large as it can ever be: untouched, it costs
 * address space only.
 */
#include "facts/chunks.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX UINT64_C(0xffff0000)

bool
chunks_init(struct chunks *c, size_t item, unsigned shift)
{
	memset(c, 0, sizeof(*c));
	c->item = item;
	c->shift = shift;
	c->chunk = calloc((size_t)1 << (32 - shift), sizeof(*c->chunk));
	return c->chunk != NULL;
}

void
chunks_release(struct chunks *c)
{
	if (c->chunk != NULL)
		for (uint32_t i = 0; i < c->room; i += UINT32_C(1) << c->shift)
			free(c->chunk[i >> c->shift]);
	free(c->chunk);
	memset(c, 0, sizeof(*c));
}

bool
chunks_reserve(struct chunks *c, uint64_t count)
{
	if (count > ITEMS_MAX)
		return false;
	while (c->room < count) {
		size_t items = (size_t)1 << c->shift;
		void *p = calloc(items, c->item);

		if (p == NULL)
			return false;
		c->chunk[c->room >> c->shift] = p;
		c->room += (uint32_t)items;
		c->bytes += items * c->item;
	}
	return true;
}
