/*
 * import_otlp_task.c - what one span becomes: its action, its agent, its hashes, its extension.
 *
 * The ledger gets no contents: messages, prompts, arguments and results of tools become hashes, and
 * the attributes that hold them are left out of the extension.  Names of actions begin with an
 * operation of the GenAI conventions or with "span.", so that no span's name is taken for a node kind
 * ("override", "hitl_decision") that it was never meant to be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/must.h"
#include "import_otlp.h"

#define EXTENSION_MAX 4096 /* the ledger's limit */
#define EXTENSION_END 32   /* room for otel.left_out */
#define EXACT_MAX     ((INT64_C(1) << 53) - 1)
#define VALUES_MAX    32 /* of a list */
#define HASH_DEPTH    32

/* gen_ai.operation.name, as of the semantic conventions 1.41 */
static const char *const operations[] = {"chat", "create_agent", "embeddings", "execute_tool",
    "generate_content", "invoke_agent", "invoke_workflow", "plan", "retrieval", "text_completion",
    NULL};

/* Attributes that hold what was said, by the conventions of now and before.  A "." at the end: all that begin so. */
static const char *const contents[] = {"gen_ai.input.messages", "gen_ai.output.messages",
    "gen_ai.system_instructions", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result",
    "gen_ai.tool.definitions", "gen_ai.retrieval.documents", "gen_ai.retrieval.query.text",
    "gen_ai.prompt", "gen_ai.prompt.", "gen_ai.completion", "gen_ai.completion.", "input.value",
    "output.value", "exception.message", "exception.stacktrace", NULL};
static const char *const went_in[] = {
    "gen_ai.input.messages", "gen_ai.tool.call.arguments", "gen_ai.prompt", NULL};
static const char *const came_out[] = {
    "gen_ai.output.messages", "gen_ai.tool.call.result", "gen_ai.completion", NULL};

static const json_t *
attributes_of(const struct otlp_span *s)
{
	return json_object_get(s->o, "attributes");
}

static const char *
attribute_text(const struct otlp_span *s, const char *key)
{
	return otlp_text(otlp_attribute(attributes_of(s), key));
}

void
otlp_jti(const char *what, const uint8_t trace[OTLP_TRACE_SIZE], const uint8_t id[OTLP_ID_SIZE],
    char out[IMPORT_JTI_SIZE])
{
	uint8_t text[64];
	const int n = snprintf((char *)text, sizeof text, "ectledger/otlp/%s", what);
	struct hash h;

	must(n > 0 && (size_t)n + 1 + OTLP_TRACE_SIZE + OTLP_ID_SIZE <= sizeof text);
	memcpy(text + n + 1, trace, OTLP_TRACE_SIZE);
	memcpy(text + n + 1 + OTLP_TRACE_SIZE, id, OTLP_ID_SIZE);
	hash_of(bytes_of(text, (size_t)n + 1 + OTLP_TRACE_SIZE + OTLP_ID_SIZE), &h);
	h.b[6] = (uint8_t)((h.b[6] & 0x0f) | 0x80); /* RFC 9562 5.8: version 8 */
	h.b[8] = (uint8_t)((h.b[8] & 0x3f) | 0x80);
	uuid_text(h.b, out);
}

/* ---- action and agent ---- */

/* Append a name in the alphabet of actions; everything else becomes a dash. */
static void
act_add(char out[OTLP_ACT_ROOM], const char *name)
{
	size_t n = strlen(out);

	for (; *name != '\0' && n < OTLP_ACT_ROOM - 1; name++) {
		const char c = *name;
		const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				  (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';

		out[n++] = fine ? c : '-';
	}
	out[n] = '\0';
}

void
otlp_act(const struct otlp_span *s, char out[OTLP_ACT_ROOM])
{
	const char *operation = attribute_text(s, "gen_ai.operation.name");
	const char *tool = attribute_text(s, "gen_ai.tool.name");
	const char *name = json_string_value(json_object_get(s->o, "name"));

	out[0] = '\0';
	if (operation == NULL) {
		act_add(out, "span.");
		act_add(out, name != NULL && name[0] != '\0' ? name : "unnamed");
		return;
	}
	for (size_t i = 0; operations[i] != NULL; i++)
		if (strcmp(operations[i], operation) == 0) {
			act_add(out, operation);
			if (strcmp(operation, "execute_tool") == 0 && tool != NULL) {
				act_add(out, ".");
				act_add(out, tool);
			}
			return;
		}
	act_add(out, "gen_ai.");
	act_add(out, operation);
}

const char *
otlp_agent(const struct otlp_span *s)
{
	const char *operation = attribute_text(s, "gen_ai.operation.name");
	const char *name = attribute_text(s, "gen_ai.agent.name");

	/* That one names the agent that is made, not the one that makes it. */
	if (operation != NULL && strcmp(operation, "create_agent") == 0)
		return NULL;
	return name != NULL ? name : attribute_text(s, "gen_ai.agent.id");
}

/* ---- hashes ---- */

/* AnyValue -> the JSON value that it means; NULL: none, or nested too deep. */
static json_t *
plain(const json_t *any, unsigned depth)
{
	static const char *const simple[] = {
	    "stringValue", "boolValue", "intValue", "doubleValue", "bytesValue"};
	const json_t *list = json_object_get(json_object_get(any, "arrayValue"), "values");
	const json_t *map = json_object_get(json_object_get(any, "kvlistValue"), "values");
	json_t *out = NULL;

	if (depth == HASH_DEPTH)
		return NULL;
	for (size_t i = 0; i < sizeof simple / sizeof simple[0]; i++)
		if (json_object_get(any, simple[i]) != NULL)
			return json_incref(json_object_get(any, simple[i]));
	if (json_object_get(any, "arrayValue") != NULL) {
		out = json_array();
		for (size_t i = 0; i < json_array_size(list) && out != NULL; i++) {
			json_t *v = plain(json_array_get(list, i), depth + 1);

			if (v == NULL || json_array_append_new(out, v) != 0) {
				json_decref(out);
				out = NULL;
			}
		}
		return out;
	}
	if (json_object_get(any, "kvlistValue") == NULL)
		return json_null();
	out = json_object();
	for (size_t i = 0; i < json_array_size(map) && out != NULL; i++) {
		const json_t *o = json_array_get(map, i);
		const char *key = json_string_value(json_object_get(o, "key"));
		json_t *v = key != NULL ? plain(json_object_get(o, "value"), depth + 1) : NULL;

		if (v == NULL || json_object_set_new(out, key, v) != 0) {
			json_decref(out);
			out = NULL;
		}
	}
	return out;
}

/* A text: its bytes.  Anything else: its JSON, compact, names sorted. */
static bool
value_hash(const json_t *any, char out[IMPORT_HASH_SIZE])
{
	const json_t *s = json_object_get(any, "stringValue");
	json_t *value;
	char *text;

	if (json_is_string(s)) {
		import_hash(json_string_value(s), json_string_length(s), out);
		return true;
	}
	value = plain(any, 0);
	text = value != NULL && !json_is_null(value)
		   ? json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY)
		   : NULL;
	if (text != NULL)
		import_hash(text, strlen(text), out);
	free(text);
	json_decref(value);
	return text != NULL;
}

bool
otlp_hash(const struct otlp_span *s, bool output, char out[IMPORT_HASH_SIZE])
{
	const char *const *keys = output ? came_out : went_in;
	const json_t *events = json_object_get(s->o, "events");

	for (; *keys != NULL; keys++) {
		const json_t *any = otlp_attribute(attributes_of(s), *keys);

		for (size_t i = 0; any == NULL && i < json_array_size(events); i++)
			any = otlp_attribute(
			    json_object_get(json_array_get(events, i), "attributes"), *keys);
		if (any != NULL && value_hash(any, out))
			return true;
	}
	return false;
}

/* ---- extension ---- */

static bool
holds_content(const char *key)
{
	for (size_t i = 0; contents[i] != NULL; i++) {
		const size_t n = strlen(contents[i]);

		if (contents[i][n - 1] == '.' ? strncmp(key, contents[i], n) == 0
					      : strcmp(key, contents[i]) == 0)
			return true;
	}
	return false;
}

/* A short text, a truth value or a number; NULL: not kept. */
static json_t *
scalar(const json_t *any)
{
	const json_t *s = json_object_get(any, "stringValue"),
		     *b = json_object_get(any, "boolValue");
	const json_t *i = json_object_get(any, "intValue"),
		     *d = json_object_get(any, "doubleValue");
	const char *text = json_string_value(json_is_string(i) ? i : s);

	if (json_is_boolean(b))
		return json_boolean(json_is_true(b));
	if (json_is_real(d) || json_is_integer(d))
		return json_real(json_number_value(d));
	if (json_is_integer(i) && json_integer_value(i) <= EXACT_MAX &&
	    json_integer_value(i) >= -EXACT_MAX)
		return json_integer(json_integer_value(i));
	if (text == NULL || strlen(text) > OTLP_NAME_MAX)
		return NULL;
	if (json_is_string(i)) {
		char *end = NULL;
		const long long v = strtoll(text, &end, 10);

		if (text[0] == '\0' || *end != '\0')
			return NULL;
		if (v <= EXACT_MAX && v >= -EXACT_MAX)
			return json_integer(v);
		return json_string(text);
	}
	return strlen(text) == json_string_length(s) ? json_string(text) : NULL;
}

static json_t *
kept_value(const json_t *any)
{
	const json_t *list = json_object_get(json_object_get(any, "arrayValue"), "values");
	json_t *out;

	if (list == NULL)
		return scalar(any);
	if (json_array_size(list) > VALUES_MAX || (out = json_array()) == NULL)
		return NULL;
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *v = scalar(json_array_get(list, i));

		if (v == NULL || json_array_append_new(out, v) != 0) {
			json_decref(out);
			return NULL;
		}
	}
	return out;
}

struct extension {
	json_t *o;
	size_t size; /* as compact JSON */
	json_int_t left_out;
	bool bad;
};

static bool
has_control(const char *text)
{
	while (*text != '\0' && (unsigned char)*text >= ' ')
		text++;
	return *text != '\0';
}

/* Add "otel."key where there is room; takes 'value', NULL counts as left out. */
static void
keep(struct extension *e, const char *key, json_t *value)
{
	char name[OTLP_NAME_MAX + 8];
	char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	size_t need;

	snprintf(name, sizeof name, "otel.%.*s", OTLP_NAME_MAX, key);
	need = 2 * strlen(name) + 4 /* escapes: without control characters at most double */ +
	       (text != NULL ? strlen(text) : 0);
	if (text == NULL || strlen(key) > OTLP_NAME_MAX || has_control(key) ||
	    e->size + need + EXTENSION_END > EXTENSION_MAX || json_object_get(e->o, name) != NULL) {
		e->left_out++;
		json_decref(value);
	} else if (json_object_set_new(e->o, name, value) != 0) {
		e->bad = true;
	} else {
		e->size += need;
	}
	free(text);
}

struct named {
	const char *key;
	const json_t *value;
	size_t at;
};

/* What the GenAI conventions know first, then by name, so that the order of the file does not matter. */
static int
named_compare(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	const bool gx = strncmp(x->key, "gen_ai.", 7) == 0, gy = strncmp(y->key, "gen_ai.", 7) == 0;
	int c = gx != gy ? (gx ? -1 : 1) : strcmp(x->key, y->key);

	return c != 0 ? c : (x->at > y->at) - (x->at < y->at);
}

static void
keep_attributes(struct extension *e, const json_t *attributes)
{
	const size_t n = json_array_size(attributes);
	struct named *list = calloc(n + 1, sizeof *list);
	size_t count = 0;

	e->bad = e->bad || list == NULL;
	for (size_t i = 0; i < n && list != NULL; i++) {
		const json_t *o = json_array_get(attributes, i);
		const json_t *key = json_object_get(o, "key");
		const char *name = json_string_value(key);

		if (name == NULL || name[0] == '\0' || strlen(name) != json_string_length(key) ||
		    holds_content(name))
			e->left_out++;
		else
			list[count++] = (struct named){name, json_object_get(o, "value"), i};
	}
	if (count > 0)
		qsort(list, count, sizeof *list, named_compare);
	for (size_t i = 0; i < count; i++)
		keep(e, list[i].key, kept_value(list[i].value));
	free(list);
}

char *
otlp_extension(const struct otlp_span *s)
{
	static const char *const kinds[] = {
	    "unspecified", "internal", "server", "client", "producer", "consumer"};
	const json_t *kind = json_object_get(s->o, "kind"), *name = json_object_get(s->o, "name");
	const json_int_t k = json_integer_value(kind);
	struct extension e = {.o = json_object(), .size = 2};
	char id[2 * OTLP_ID_SIZE + 1], *text = NULL;

	if (e.o == NULL)
		return NULL;
	hex_encode(bytes_of(s->id, sizeof s->id), id);
	keep(&e, "span.id", json_string(id));
	keep(&e, "span.start_ms", json_integer(s->start_ns / 1000000));
	keep(&e, "span.duration_us", json_integer((s->end_ns - s->start_ns) / 1000));
	if (json_is_integer(kind) && k > 0 && (size_t)k < sizeof kinds / sizeof kinds[0])
		keep(&e, "span.kind", json_string(kinds[k]));
	if (s->status != 0)
		keep(&e, "span.status",
		    json_string(s->status == OTLP_STATUS_ERROR ? "error" : "ok"));
	keep(&e, "service.name",
	    strlen(s->service) <= OTLP_NAME_MAX ? json_string(s->service) : NULL);
	keep(&e, "span.name",
	    json_string_length(name) <= OTLP_NAME_MAX ? json_string(json_string_value(name))
						      : NULL);
	keep_attributes(&e, attributes_of(s));
	if (e.left_out > 0 &&
	    json_object_set_new(e.o, "otel.left_out", json_integer(e.left_out)) != 0)
		e.bad = true;
	if (!e.bad)
		text = json_dumps(e.o, JSON_COMPACT);
	must(text == NULL || strlen(text) <= EXTENSION_MAX);
	json_decref(e.o);
	return text;
}

/* ---- failures ---- */

/* error.type in words (semconv recording-errors); the first row that fits. */
static const struct {
	const char *word, *class;
	bool retryable;
} classes[] = {{"timeout", "timeout", true}, {"timed_out", "timeout", true},
    {"deadline", "timeout", true}, {"408", "timeout", true}, {"504", "timeout", true},
    {"policy", "policy", false}, {"content_filter", "policy", false},
    {"permission", "policy", false}, {"forbidden", "policy", false},
    {"unauthorized", "policy", false}, {"unauthenticated", "policy", false},
    {"denied", "policy", false}, {"401", "policy", false}, {"403", "policy", false},
    {"connect", "dependency", true}, {"unavailable", "dependency", true},
    {"unknownhost", "dependency", true}, {"network", "dependency", true},
    {"502", "dependency", true}, {"503", "dependency", true}, {"429", "external", true},
    {"rate_limit", "external", true}, {"ratelimit", "external", true}, {"quota", "external", true}};

static const char *
error_type(const struct otlp_span *s)
{
	const json_t *events = json_object_get(s->o, "events");
	const char *type = attribute_text(s, "error.type");

	for (size_t i = 0; type == NULL && i < json_array_size(events); i++)
		type = otlp_text(otlp_attribute(
		    json_object_get(json_array_get(events, i), "attributes"), "exception.type"));
	return type != NULL && strlen(type) <= OTLP_NAME_MAX ? type : "_OTHER";
}

char *
otlp_failure_extension(const struct otlp_span *s)
{
	const char *type = error_type(s), *class = "internal";
	bool retryable = false;
	char id[2 * OTLP_ID_SIZE + 1], *text;
	json_t *o;

	for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
		if (strcasestr(type, classes[i].word) != NULL) {
			class = classes[i].class;
			retryable = classes[i].retryable;
			break;
		}
	hex_encode(bytes_of(s->id, sizeof s->id), id);
	o = json_pack("{ss ss sb ss}", "fail_class", class, "fail_code", type, "retryable",
	    (int)retryable, "otel.span.id", id);
	text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;
	json_decref(o);
	return text;
}
