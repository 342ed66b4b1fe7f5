/*
 * fuzz_event.c - hostile bytes as a key entry's event.
 *
 * Properties: what is accepted is written again as the same bytes, shows as strict JSON, and can be
 * applied to a history, which then finds it; what is refused says why and changes no history.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "trust/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool ok)
{
	if (!ok)
		abort();
}

static void
check_history(struct bytes raw, const struct trust_event *e, struct arena *arena)
{
	struct history_record record;
	struct history *h = NULL;
	uint64_t *list;
	size_t n;

	expect(history_new(&h) == RC_OK);
	expect(history_apply(h, 7, 1000, raw, NULL) == RC_OK);
	expect(history_find(h, e->domain, &e->id, 8, arena, &record) == RC_OK);
	expect(record.changed_index == 7 && record.revoked == (e->action == EVENT_REVOKE));
	expect(history_find_id(h, &e->id, 7, arena, &record) == RC_NOT_FOUND);
	expect(history_events(h, &e->id, 8, arena, &list, &n) == RC_OK && n == 1 && list[0] == 7);
	history_free(h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct json_limits limits = {1 << 17, 4, 1024};
	struct trust_event e;
	struct json_node *root;
	struct arena arena;
	struct bytes again;
	struct buf json;
	struct why why = {0};

	arena_init(&arena, 1 << 20);
	if (event_read(bytes_of(data, size), &arena, &e, &why) != RC_OK) {
		expect(why.rule && why.text[0]);
		arena_release(&arena);
		return 0;
	}
	expect(event_write(&e, &arena, &again) == RC_OK);
	expect(bytes_eq(again, bytes_of(data, size)));
	buf_init(&json, 0);
	expect(event_json(&e, &json) == RC_OK);
	expect(json_parse(buf_bytes(&json), &limits, true, &arena, &root, NULL) == RC_OK);
	check_history(bytes_of(data, size), &e, &arena);
	buf_release(&json);
	arena_release(&arena);
	return 0;
}
