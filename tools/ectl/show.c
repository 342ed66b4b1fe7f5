/*
 * show.c - ids, hashes, times and tables as people and programs read them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/must.h"
#include "call.h"

bool
task_id_read(const struct args *a, const char *jti, struct task_id *out)
{
	const char *wid = args_get(a, "--wid");

	memset(out, 0, sizeof *out);
	if (!args_uuid(jti, out->jti, "a task"))
		return false;
	out->any_wid = wid == NULL;
	out->has_wid = wid != NULL && strcmp(wid, "none") != 0;
	return !out->has_wid || args_uuid(wid, out->wid, "--wid");
}

ProtobufCBinaryData
task_id_jti(const struct task_id *id)
{
	return (ProtobufCBinaryData){UUID_SIZE, (uint8_t *)(uintptr_t)id->jti};
}

ProtobufCBinaryData
task_id_wid(const struct task_id *id)
{
	return (ProtobufCBinaryData){id->has_wid ? UUID_SIZE : 0, (uint8_t *)(uintptr_t)id->wid};
}

json_t *
show_uuid(ProtobufCBinaryData id)
{
	char text[UUID_TEXT_SIZE];

	if (id.len != UUID_SIZE)
		return json_null();
	uuid_text(id.data, text);
	return json_string(text);
}

static json_t *
encoded(ProtobufCBinaryData bytes, size_t (*encode)(struct bytes, char *))
{
	char *text;
	json_t *value;

	if (bytes.len == 0)
		return json_null();
	text = malloc(bytes.len * 2 + 8);
	if (text == NULL)
		return NULL;
	(void)encode(bytes_of(bytes.data, bytes.len), text);
	value = json_string(text);
	free(text);
	return value;
}

json_t *
show_hex(ProtobufCBinaryData hash)
{
	return encoded(hash, hex_encode);
}

json_t *
show_b64url(ProtobufCBinaryData hash)
{
	return encoded(hash, b64url_encode);
}

json_t *
show_b64(ProtobufCBinaryData bytes)
{
	return encoded(bytes, b64_encode);
}

json_t *
show_text(const char *text)
{
	json_t *value = text != NULL ? json_string(text) : NULL;

	return value != NULL ? value : json_null();
}

json_t *
show_time_ms(int64_t ms)
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	char text[64];

	if (ms < 0 || gmtime_r(&seconds, &tm) == NULL)
		return json_null();
	(void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms % 1000));
	return json_string(text);
}

json_t *
show_path(ProtobufCBinaryData path)
{
	json_t *list = json_array();

	for (size_t i = 0; i + 32 <= path.len; i += 32)
		if (json_array_append_new(
			list, show_hex((ProtobufCBinaryData){32, path.data + i})) != 0) {
			json_decref(list);
			return NULL;
		}
	return list;
}

void
table_init(struct table *t, size_t columns)
{
	must(columns > 0);
	memset(t, 0, sizeof *t);
	t->columns = columns;
}

void
table_add(struct table *t, const char *cell)
{
	char **more;

	if (t->bad)
		return;
	if (t->count == t->room) {
		more = realloc(t->cells, (t->room * 2 + 64) * sizeof *more);
		if (more == NULL) {
			t->bad = true;
			return;
		}
		t->cells = more;
		t->room = t->room * 2 + 64;
	}
	t->cells[t->count] = strdup(cell);
	t->bad = t->cells[t->count] == NULL;
	t->count += !t->bad;
}

void
table_add_u64(struct table *t, uint64_t v)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%llu", (unsigned long long)v);
	table_add(t, text);
}

void
table_add_uuid(struct table *t, ProtobufCBinaryData id)
{
	char text[UUID_TEXT_SIZE] = "-";

	if (id.len == UUID_SIZE)
		uuid_text(id.data, text);
	table_add(t, text);
}

int
table_print(struct table *t)
{
	int code = t->bad ? fail(EXIT_UNREACHABLE, "out of memory for the table") : 0;

	must(t->bad || t->count % t->columns == 0);
	if (code == 0 && t->count > 0)
		print_table((const char *const *)t->cells, t->columns, t->count / t->columns);
	table_free(t);
	return code;
}

void
table_free(struct table *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	t->cells = NULL;
	t->count = t->room = 0;
}
