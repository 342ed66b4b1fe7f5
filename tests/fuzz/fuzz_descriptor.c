/*
 * fuzz_descriptor.c - hostile bytes as a workflow's descriptor, in both media.
 *
 * Properties of what is accepted: every id is found at its place and nowhere else, every place is a
 * node's, the order holds each place once and behind all that it comes after.  What is refused says
 * why.
 */
#include <stdint.h>
#include <stdlib.h>

#include "answer/descriptor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

static void
check(const struct descriptor *d)
{
	bool out[DESCRIPTOR_NODES_MAX] = {false};

	expect(d->count >= 1 && d->count <= DESCRIPTOR_NODES_MAX);
	for (size_t i = 0; i < d->count; i++) {
		const struct descriptor_node *n = &d->nodes[d->order[i]];

		expect(d->order[i] < d->count && !out[d->order[i]]);
		for (size_t a = 0; a < n->after_count; a++)
			expect(n->after[a] < d->count && out[n->after[a]]);
		out[d->order[i]] = true;
		expect(n->id.n > 0 && n->act.n > 0);
		expect(descriptor_find(d, n->id) == d->order[i]);
		expect(n->hitl != DESCRIPTOR_NO_HITL || n->role.n == 0);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int media = DESCRIPTOR_JSON; media <= DESCRIPTOR_CBOR; media++) {
		const struct descriptor *d;
		struct why why = {0};
		struct arena arena;
		enum rc rc;

		arena_init(&arena, 16 << 20);
		rc = descriptor_read(
		    bytes_of(data, size), (enum descriptor_media)media, &arena, &d, &why);
		if (rc == RC_OK)
			check(d);
		else
			expect((rc == RC_BAD_REQUEST || rc == RC_TOO_LARGE) && why.claim != NULL);
		arena_release(&arena);
	}
	return 0;
}
