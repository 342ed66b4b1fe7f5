/*
 * people.c - see people.h.
 */
#include "people.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "token_append.h"

#define PAGE 500

/* ---- pages ---- */

static size_t
count_of(const json_t *object, const struct pager *p)
{
	size_t n = 0;

	for (size_t i = 0; p->lists[i] != NULL; i++)
		n += strcmp(p->lists[i], "rests_on") == 0
			 ? 0
			 : json_array_size(json_object_get(object, p->lists[i]));
	return n;
}

static int
ascending(const void *a, const void *b)
{
	json_int_t x = json_integer_value(*(json_t *const *)a);
	json_int_t y = json_integer_value(*(json_t *const *)b);

	return (x > y) - (x < y);
}

/* Pages each have their entries ascending; together they are so again, and each once. */
static void
tidy_rests_on(json_t *all)
{
	json_t *list = json_object_get(all, "rests_on"), *out = json_array();
	size_t n = json_array_size(list);
	json_t **items = calloc(n + 1, sizeof(*items));

	for (size_t i = 0; items != NULL && i < n; i++)
		items[i] = json_array_get(list, i);
	if (items != NULL && n > 1)
		qsort(items, n, sizeof(*items), ascending);
	for (size_t i = 0; items != NULL && i < n; i++)
		if (i == 0 || ascending(&items[i - 1], &items[i]) != 0)
			(void)json_array_append(out, items[i]);
	free(items);
	(void)json_object_set_new(all, "rests_on", out);
}

static int
add_page(json_t **all, json_t *page, const struct pager *p)
{
	if (page == NULL)
		return fail(EXIT_UNREACHABLE, "out of memory");
	if (*all == NULL) {
		*all = page;
		return 0;
	}
	for (size_t i = 0; p->lists[i] != NULL; i++)
		(void)json_array_extend(
		    json_object_get(*all, p->lists[i]), json_object_get(page, p->lists[i]));
	(void)json_object_set(*all, "complete", json_object_get(page, "complete"));
	(void)json_object_set(*all, "next", json_object_get(page, "next"));
	json_decref(page);
	return 0;
}

int
people_ask(const struct globals *g, const struct pager *p, json_t **out)
{
	struct ect_client *client = NULL;
	ProtobufCMessage *reply = NULL;
	int code = connect_server(g, &client);

	*out = NULL;
	while (code == 0) {
		uint64_t left = *out == NULL ? p->most : p->most - count_of(*out, p);

		if (p->limit != NULL)
			*p->limit = p->most == 0 || left > PAGE ? PAGE : (uint32_t)left;
		code = call_on(client, p->method, p->request, p->reply, &reply);
		if (code == 0) {
			code = add_page(out, message_json(reply), p);
			protobuf_c_message_free_unpacked(reply, NULL);
		}
		if (code != 0 || json_is_true(json_object_get(*out, "complete")) ||
		    (p->most > 0 && count_of(*out, p) >= p->most))
			break;
		*p->at = (uint64_t)json_integer_value(json_object_get(*out, "tree_size"));
		*p->from = (uint64_t)json_integer_value(json_object_get(*out, "next"));
	}
	ect_client_close(client);
	if (code != 0) {
		json_decref(*out);
		*out = NULL;
	} else {
		tidy_rests_on(*out);
	}
	return code;
}

bool
people_limit(const struct args *a, uint64_t *most)
{
	*most = 0;
	return args_u64(a, "--limit", most);
}

bool
people_wid(const struct args *a, uint8_t room[UUID_SIZE], ProtobufCBinaryData *wid,
    protobuf_c_boolean *no_wid)
{
	const char *text = args_get(a, "--wid");

	*no_wid = text != NULL && strcmp(text, "none") == 0;
	if (text == NULL || *no_wid)
		return true;
	*wid = (ProtobufCBinaryData){UUID_SIZE, room};
	return args_uuid(text, room, "--wid");
}

const char *
people_text(const json_t *row, const char *name)
{
	const char *s = json_string_value(json_object_get(row, name));

	return s != NULL ? s : "-";
}

static void
join_flags(const json_t *row, char *joined, size_t room)
{
	const json_t *one;
	size_t i;

	*joined = '\0';
	json_array_foreach(json_object_get(row, "flags"), i, one)
	{
		size_t n = strlen(joined);

		(void)snprintf(
		    joined + n, room - n, "%s%s", n > 0 ? ", " : "", json_string_value(one));
	}
}

void
people_notes_init(struct table *notes)
{
	table_init(notes, 2);
	table_add(notes, "index");
	table_add(notes, "flags");
}

void
people_flags(struct table *notes, const json_t *row)
{
	char joined[512];

	join_flags(row, joined, sizeof joined);
	if (joined[0] == '\0')
		return;
	table_add_u64(notes, (uint64_t)json_integer_value(json_object_get(row, "index")));
	table_add(notes, joined);
}

int
people_notes_print(struct table *notes, int code)
{
	if (code != 0 || notes->count <= 2) {
		table_free(notes);
		return code;
	}
	(void)putchar('\n');
	return table_print(notes);
}

/* ---- records ---- */

bool
people_agree(const struct args *a, const char *what)
{
	char answer[16] = "";

	if (args_has(a, "--yes") || !isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return true;
	(void)fprintf(stderr, "%s [y/N] ", what);
	if (fgets(answer, sizeof answer, stdin) == NULL)
		return false;
	return answer[0] == 'y' || answer[0] == 'Y';
}

/* Flags that leave a record its effect; docs/OVERSIGHT.md has the table. */
static bool
is_mild(const char *flag)
{
	static const char *const mild[] = {"several_requests", "shown_hash_missing", "kind_breach",
	    "unknown_scope", "unknown_target", "no_target", "late", NULL};

	for (size_t i = 0; mild[i] != NULL; i++)
		if (strcmp(flag, mild[i]) == 0)
			return true;
	return false;
}

static bool
has_effect(const json_t *row)
{
	const json_t *effective = json_object_get(row, "effective"), *flag;
	size_t i;

	if (effective != NULL)
		return json_is_true(effective);
	json_array_foreach(json_object_get(row, "flags"), i,
	    flag) if (!is_mild(json_string_value(flag))) return false;
	return true;
}

int
people_effect(const json_t *list, const char *jti)
{
	const json_t *row;
	char joined[512];
	size_t i;

	json_array_foreach(list, i, row)
	{
		if (strcmp(people_text(row, "jti"), jti) != 0)
			continue;
		join_flags(row, joined, sizeof joined);
		if (!has_effect(row))
			return fail(EXIT_NO, "it is in the log, and has no effect: %s", joined);
		if (joined[0] != '\0')
			(void)fprintf(stderr, "it is in force, and flagged: %s\n", joined);
		return 0;
	}
	return 0;
}

int
people_record(const struct globals *g, const struct args *a, const struct record *record, char *jti)
{
	struct token_spec spec = {.act = record->act,
	    .wid = record->wid,
	    .pred = record->pred,
	    .pred_count = record->pred_count,
	    .revision = 1};
	struct private_key *key = NULL;
	char *text = NULL;
	struct buf token;
	int code = EXIT_USAGE;

	buf_init(&token, 0);
	if (args_has(a, "--reason"))
		(void)json_object_set_new(
		    record->ext, "reason", json_string(args_get(a, "--reason")));
	if (!args_has(a, "--key")) {
		(void)fail(EXIT_USAGE, "somebody has to sign: give --key FILE");
		goto out;
	}
	if ((key = private_key_load(args_get(a, "--key"))) == NULL ||
	    (text = json_dumps(record->ext, JSON_COMPACT)) == NULL)
		goto out;
	spec.ext = text;
	if (token_make(key, &spec, &token, jti))
		code = token_append(g, &token);
out:
	buf_release(&token);
	private_key_free(key);
	free(text);
	json_decref(record->ext);
	return code;
}
