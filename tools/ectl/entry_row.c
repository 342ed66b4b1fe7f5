/*
 * entry_row.c - entries and keys as JSON rows and as lines for people.
 *
 * Members are added, never renamed: programs read these.  What is absent is null.
 */
#include "entry_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *
uuids(const ProtobufCBinaryData *ids, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(list, show_uuid(ids[i]));
	return list;
}

static json_t *
texts(char *const *items, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		(void)json_array_append_new(list, show_text(items[i]));
	return list;
}

static json_t *
or_null(const char *text)
{
	return text[0] != '\0' ? show_text(text) : json_null();
}

static json_t *
json_bytes(ProtobufCBinaryData bytes)
{
	json_t *value = bytes.len > 0
			    ? json_loadb((const char *)bytes.data, bytes.len, JSON_DECODE_ANY, NULL)
			    : NULL;

	return value != NULL ? value : json_null();
}

/* Bytes as they are where they are text, else base64. */
static json_t *
text_or_b64(ProtobufCBinaryData bytes)
{
	json_t *value = NULL;

	if (bytes.len > 0 && bytes.data[0] < 0x80 && bytes.data[0] != 0x30)
		value = json_stringn((const char *)bytes.data, bytes.len);
	return value != NULL ? value : show_b64(bytes);
}

/* The token as it is: text when it is one, else base64. */
static json_t *
token_of(const Ectledger__V1__EntryView *e)
{
	json_t *value = NULL;

	if (strcmp(e->media, "cose") != 0)
		value = json_stringn((const char *)e->token.data, e->token.len);
	return value != NULL ? value : show_b64(e->token);
}

/* ---- keys ---- */

static void
set(json_t *row, const char *name, json_t *value)
{
	(void)json_object_set_new(row, name, value != NULL ? value : json_null());
}

/* Where and when something happened to a key. */
static void
set_moment(json_t *row, const char *what, bool happened, uint64_t index, int64_t at_ms)
{
	char name[32];

	(void)snprintf(name, sizeof name, "%s_index", what);
	set(row, name, happened ? json_integer((json_int_t)index) : NULL);
	(void)snprintf(name, sizeof name, "%s_at", what);
	set(row, name, happened ? show_time_ms(at_ms) : NULL);
}

json_t *
key_row(const Ectledger__V1__KeyRecord *k)
{
	json_t *row = json_object();
	bool certificate = strcmp(k->subject, "ca") == 0;

	set(row, "subject", or_null(k->subject));
	set(row, "id", show_b64url(k->id));
	set(row, "domain", or_null(k->domain));
	set(row, "kid", or_null(k->kid));
	set(row, "alg", or_null(k->alg));
	set(row, "use", or_null(k->use));
	set(row, "ect_iss", texts(k->issuers, k->n_issuers));
	set(row, "state", or_null(k->state));
	set_moment(row, "enrolled", k->ever_enrolled, k->enrolled_index, k->enrolled_at_ms);
	set_moment(row, "withdrawn", k->withdrawn, k->withdrawn_index, k->withdrawn_at_ms);
	set_moment(row, "revoked", k->revoked, k->revoked_index, k->revoked_at_ms);
	set(row, "revoked_since", k->revoked ? json_integer((json_int_t)k->revoked_since) : NULL);
	set(row, "reason", or_null(k->reason));
	set(row, "by", or_null(k->by));
	set(row, "source", or_null(k->source));
	set(row, "sequence",
	    strcmp(k->subject, "bundle") == 0 ? json_integer((json_int_t)k->sequence) : NULL);
	set(row, "material", certificate ? show_b64(k->material) : json_bytes(k->material));
	return row;
}

static const char *
member(json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL ? text : "";
}

static size_t
add_moment(json_t *key, const char *what, char *out, size_t size)
{
	char index[32], at[32];
	json_t *n;
	int w;

	(void)snprintf(index, sizeof index, "%s_index", what);
	(void)snprintf(at, sizeof at, "%s_at", what);
	n = json_object_get(key, index);
	if (!json_is_integer(n) || size == 0)
		return 0;
	w = snprintf(out, size, ", %s %.19sZ (entry %lld)", what, member(key, at),
	    (long long)json_integer_value(n));
	return w > 0 && (size_t)w < size ? (size_t)w : 0;
}

void
key_story(json_t *key, char *out, size_t size)
{
	json_t *since = json_object_get(key, "revoked_since"), *when;
	char text[400] = "";
	size_t n = 0;

	n += add_moment(key, "enrolled", text + n, sizeof text - n);
	n += add_moment(key, "withdrawn", text + n, sizeof text - n);
	n += add_moment(key, "revoked", text + n, sizeof text - n);
	if (json_is_integer(since)) {
		when = show_time_ms((int64_t)json_integer_value(since) * 1000);
		(void)snprintf(text + n, sizeof text - n, ", not good since %.19sZ",
		    json_string_value(when) != NULL ? json_string_value(when) : "?");
		json_decref(when);
	}
	(void)snprintf(out, size, "%s%s%s", member(key, "state"), text,
	    member(key, "reason")[0] != '\0' ? ": " : "");
	n = strlen(out);
	(void)snprintf(out + n, size - n, "%s", member(key, "reason"));
}

/* ---- entries ---- */

json_t *
entry_row(const Ectledger__V1__EntryView *e, uint64_t tree_size, bool whole)
{
	json_t *parents = json_array(), *row;

	for (size_t i = 0; i < e->n_pred_index; i++)
		(void)json_array_append_new(parents, json_integer((json_int_t)e->pred_index[i]));
	row = json_pack("{sI so so so so so so so sI sI so sI so so so so so}", "index",
	    (json_int_t)e->index, "entry_kind", or_null(e->entry_kind), "jti", show_uuid(e->jti),
	    "wid", show_uuid(e->wid), "iss", or_null(e->iss), "act", or_null(e->act), "kind",
	    or_null(e->node_kind), "level", or_null(e->level), "iat", (json_int_t)e->iat, "exp",
	    (json_int_t)e->exp, "received_at", show_time_ms(e->received_at_ms), "received_at_ms",
	    (json_int_t)e->received_at_ms, "aud", texts(e->aud, e->n_aud), "pred",
	    uuids(e->pred, e->n_pred), "pred_index", parents, "inp_hash", show_b64url(e->inp_hash),
	    "out_hash", show_b64url(e->out_hash));
	if (row == NULL)
		return NULL;
	if (e->jti.len == 0 && e->iat == 0) { /* no task: nothing was dated by its signer */
		set(row, "iat", NULL);
		set(row, "exp", NULL);
	}
	set(row, "ext", json_bytes(e->ext));
	set(row, "key_thumbprint", show_b64url(e->key_thumbprint));
	set(row, "leaf_hash", show_hex(e->leaf_hash));
	set(row, "media", or_null(e->media));
	set(row, "flags", json_integer((json_int_t)e->flags));
	set(row, "chain_level", or_null(e->chain_level));
	set(row, "binding", or_null(e->binding));
	set(row, "key", e->key != NULL ? key_row(e->key) : NULL);
	set(row, "event", json_bytes(e->event));
	set(row, "suspect", json_boolean(e->suspect));
	set(row, "tree_size", json_integer((json_int_t)tree_size));
	if (whole) {
		set(row, "credential", text_or_b64(e->credential));
		set(row, "token", e->token.len > 0 ? token_of(e) : NULL);
	}
	return row;
}

/* Null, an empty list, or a number that stands for nothing. */
static bool
is_absent(const char *name, json_t *value)
{
	if (json_is_integer(value) && json_integer_value(value) == 0)
		return strcmp(name, "iat") == 0 || strcmp(name, "exp") == 0 ||
		       strcmp(name, "flags") == 0;
	return json_is_null(value) || (json_is_array(value) && json_array_size(value) == 0);
}

int
entry_row_table(json_t *row)
{
	struct table t;
	const char *name;
	json_t *value;

	table_init(&t, 2);
	table_add(&t, "member");
	table_add(&t, "value");
	json_object_foreach(row, name, value)
	{
		char story[512], *text = NULL;

		if (is_absent(name, value))
			continue;
		if (strcmp(name, "key") == 0)
			key_story(value, story, sizeof story);
		else if (!json_is_string(value))
			text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		table_add(&t, name);
		table_add(&t, json_is_string(value)	 ? json_string_value(value)
			      : strcmp(name, "key") == 0 ? story
			      : text != NULL		 ? text
							 : "");
		free(text);
	}
	return table_print(&t);
}

const char *const entry_heads[ENTRY_COLUMNS] = {"index", "received", "what", "who", "jti"};

void
entry_cells(json_t *row, char cells[ENTRY_COLUMNS][320])
{
	json_t *event = json_object_get(row, "event");
	const char *kind = member(row, "entry_kind"), *jti = member(row, "jti"),
		   *who = member(row, "iss");

	(void)snprintf(
	    cells[0], 320, "%lld", (long long)json_integer_value(json_object_get(row, "index")));
	(void)snprintf(cells[1], 320, "%.19sZ", member(row, "received_at"));
	if (json_is_object(event) && strcmp(kind, "key") == 0)
		(void)snprintf(
		    cells[2], 320, "%s %s", member(event, "subject"), member(event, "action"));
	else if (json_is_object(event))
		(void)snprintf(cells[2], 320, "%s %.16s", kind, member(event, "digest"));
	else
		(void)snprintf(cells[2], 320, "%s%s%s",
		    json_is_true(json_object_get(row, "suspect")) ? "suspect: " : "",
		    strcmp(kind, "equivocation") == 0 ? "equivocation: " : "", member(row, "act"));
	if (who[0] == '\0' && json_is_object(event)) {
		who = json_string_value(json_array_get(json_object_get(event, "issuers"), 0));
		who = who != NULL ? who : member(event, "domain");
		who = who[0] != '\0' ? who : member(event, "by");
	}
	(void)snprintf(cells[3], 320, "%s", who);
	(void)snprintf(cells[4], 320, "%s", jti[0] != '\0' ? jti : "-");
}
