/*
 * import_otlp_read.c - OTLP/JSON from a file: one ExportTraceServiceRequest or TracesData, or many of
 * them one after the other (a line each, as the collector's file exporter writes them).
 *
 * Read strictly where the OTLP specification's JSON encoding is strict: lowerCamelCase names, ids in
 * hex of either case, enums as numbers, 64-bit numbers as decimal text or as numbers.  Unknown
 * members are passed over, as it demands.  A document that is not one fails the import before
 * anything is sent; a span that is not one is named, counted and left out.
 *
 * Spans keep looking into the documents, which live until otlp_release().
 */
#include "import_otlp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define SHOWN_MAX 5 /* bad spans told one by one */
#define DOCS_MAX  1000000

/* ---- values ---- */

const char *
otlp_text(const json_t *any)
{
	const json_t *s = json_object_get(any, "stringValue");
	const char *text = json_string_value(s);

	return text != NULL && text[0] != '\0' && strlen(text) == json_string_length(s) ? text
											: NULL;
}

const json_t *
otlp_attribute(const json_t *attributes, const char *key)
{
	for (size_t i = 0; i < json_array_size(attributes); i++) {
		const json_t *o = json_array_get(attributes, i);
		const char *name = json_string_value(json_object_get(o, "key"));

		if (name != NULL && strcmp(name, key) == 0)
			return json_object_get(o, "value");
	}
	return NULL;
}

/* A member; null is as good as absent (proto3's JSON). */
static const json_t *
member(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);

	return json_is_null(v) ? NULL : v;
}

/* Hex of either case, the given size, not all zero. */
static bool
id_read(const json_t *o, uint8_t *out, size_t size)
{
	const char *text = json_string_value(o);
	char lower[2 * OTLP_TRACE_SIZE];
	uint8_t any = 0;
	size_t n = 0;

	must(2 * size <= sizeof lower);
	if (text == NULL || json_string_length(o) != 2 * size)
		return false;
	for (size_t i = 0; i < 2 * size; i++)
		lower[i] = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] + 32) : text[i];
	if (!hex_decode(bytes_of(lower, 2 * size), out, size, &n) || n != size)
		return false;
	for (size_t i = 0; i < size; i++)
		any |= out[i];
	return any != 0;
}

/* fixed64 as JSON: decimal text or a number; what does not fit into 63 bits is no time. */
static bool
nanos_read(const json_t *o, int64_t *out)
{
	const char *text = json_string_value(o);
	uint64_t v = 0;

	if (json_is_integer(o) && json_integer_value(o) > 0) {
		*out = json_integer_value(o);
		return true;
	}
	if (text == NULL || text[0] == '\0' || strlen(text) != json_string_length(o) ||
	    strspn(text, "0123456789") != strlen(text) || strlen(text) > 19)
		return false;
	for (; *text != '\0'; text++)
		v = v * 10 + (uint64_t)(*text - '0');
	*out = (int64_t)v;
	return v > 0 && v <= INT64_MAX;
}

/* Absent or a list of {key, value}. */
static bool
attributes_fine(const json_t *list)
{
	if (list == NULL)
		return true;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		const json_t *value = member(o, "value");

		if (!json_is_string(member(o, "key")) || (value != NULL && !json_is_object(value)))
			return false;
	}
	return json_is_array(list);
}

/* ---- spans ---- */

static int
links_read(struct otlp *t, struct otlp_span *s, const char **problem)
{
	const json_t *list = member(s->o, "links");

	s->links_at = (uint32_t)t->link_count;
	if (list != NULL && !json_is_array(list)) {
		*problem = "links is not a list";
		return 0;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *o = json_array_get(list, i);
		struct otlp_link link = {.span = OTLP_NONE}, *links;

		if (!id_read(member(o, "traceId"), link.trace, sizeof link.trace) ||
		    !id_read(member(o, "spanId"), link.id, sizeof link.id)) {
			*problem = "a link without a traceId and a spanId";
			t->link_count = s->links_at;
			return 0;
		}
		if (t->link_count == OTLP_LINKS_MAX)
			return fail(
			    EXIT_USAGE, "more than %d links; split the file", OTLP_LINKS_MAX);
		if (t->link_count == t->link_room) {
			const size_t room = t->link_room == 0 ? 256 : t->link_room * 2;

			if ((links = reallocarray(t->links, room, sizeof *links)) == NULL)
				return fail(EXIT_USAGE, "out of memory");
			t->links = links;
			t->link_room = room;
		}
		t->links[t->link_count++] = link;
	}
	s->links = (uint32_t)(t->link_count - s->links_at);
	return 0;
}

/* What a span must say; NULL, or what is wrong with it. */
static const char *
span_read(struct otlp_span *s)
{
	static const uint8_t zero[OTLP_ID_SIZE];
	const json_t *parent = member(s->o, "parentSpanId");
	const json_t *name = member(s->o, "name");
	const json_t *status = member(s->o, "status");
	const json_t *code = member(status, "code");
	char zeros[2 * OTLP_ID_SIZE + 1];

	if (!json_is_object(s->o))
		return "not an object";
	if (!id_read(member(s->o, "traceId"), s->trace, sizeof s->trace))
		return "traceId is not 32 hex digits, or zero";
	if (!id_read(member(s->o, "spanId"), s->id, sizeof s->id))
		return "spanId is not 16 hex digits, or zero";
	hex_encode(bytes_of(zero, sizeof zero), zeros);
	if (parent != NULL && json_string_length(parent) > 0 &&
	    strcmp(json_string_value(parent), zeros) != 0) {
		if (!id_read(parent, s->parent_id, sizeof s->parent_id))
			return "parentSpanId is not 16 hex digits";
		s->has_parent = true;
	} else if (parent != NULL && !json_is_string(parent)) {
		return "parentSpanId is not a text";
	}
	if (!json_is_string(name) || strlen(json_string_value(name)) != json_string_length(name))
		return "name is not a text";
	if (!nanos_read(member(s->o, "startTimeUnixNano"), &s->start_ns) ||
	    !nanos_read(member(s->o, "endTimeUnixNano"), &s->end_ns))
		return "no start or no end";
	if (s->end_ns < s->start_ns)
		return "it ends before it begins";
	if (status != NULL && !json_is_object(status))
		return "status is not an object";
	if (code != NULL && (!json_is_integer(code) || json_integer_value(code) < 0 ||
				json_integer_value(code) > OTLP_STATUS_ERROR))
		return "status.code is not 0, 1 or 2";
	s->status = (int)json_integer_value(code);
	if (!attributes_fine(member(s->o, "attributes")))
		return "attributes is not a list of keys and values";
	return NULL;
}

static int
span_add(struct otlp *t, const json_t *o, const char *service, uint64_t number)
{
	struct otlp_span s = {.o = o, .service = service, .parent = OTLP_NONE}, *spans;
	const char *problem = span_read(&s);
	int rc = 0;

	if (problem == NULL && (rc = links_read(t, &s, &problem)) != 0)
		return rc;
	if (problem != NULL) {
		if (t->bad++ < SHOWN_MAX)
			fail(EXIT_NO, "span %llu is left out: %s", (unsigned long long)number,
			    problem);
		return 0;
	}
	if (t->count == OTLP_SPANS_MAX)
		return fail(EXIT_USAGE, "more than %d spans; split the file", OTLP_SPANS_MAX);
	if (t->count == t->room) {
		const size_t room = t->room == 0 ? 256 : t->room * 2;

		if ((spans = reallocarray(t->spans, room, sizeof *spans)) == NULL)
			return fail(EXIT_USAGE, "out of memory after %zu spans", t->count);
		t->spans = spans;
		t->room = room;
	}
	t->spans[t->count++] = s;
	return 0;
}

static const char *
document_read(struct otlp *t, const json_t *doc, uint64_t *number, int *rc)
{
	const json_t *resources = member(doc, "resourceSpans");

	if (!json_is_array(resources))
		return "has no list \"resourceSpans\"";
	for (size_t i = 0; i < json_array_size(resources); i++) {
		const json_t *r = json_array_get(resources, i), *scopes = member(r, "scopeSpans");
		const json_t *about = member(member(r, "resource"), "attributes");
		const char *service;

		if (!json_is_object(r) || (scopes != NULL && !json_is_array(scopes)) ||
		    !attributes_fine(about))
			return "has a resource that is none";
		/* What the OpenTelemetry SDK says when nobody has named the service. */
		if ((service = otlp_text(otlp_attribute(about, "service.name"))) == NULL)
			service = "unknown_service";
		for (size_t k = 0; k < json_array_size(scopes); k++) {
			const json_t *spans = member(json_array_get(scopes, k), "spans");

			if (!json_is_object(json_array_get(scopes, k)) ||
			    (spans != NULL && !json_is_array(spans)))
				return "has a list \"spans\" that is none";
			for (size_t n = 0; n < json_array_size(spans) && *rc == 0; n++)
				*rc = span_add(t, json_array_get(spans, n), service, (*number)++);
		}
	}
	return NULL;
}

/* ---- by id ---- */

static int
compare(const void *a, const void *b, void *ctx)
{
	const struct otlp_span *spans = ctx;
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int c = memcmp(spans[x].trace, spans[y].trace, OTLP_TRACE_SIZE);

	if (c == 0)
		c = memcmp(spans[x].id, spans[y].id, OTLP_ID_SIZE);
	return c != 0 ? c : (x > y) - (x < y);
}

uint32_t
otlp_find(
    const struct otlp *t, const uint8_t trace[OTLP_TRACE_SIZE], const uint8_t id[OTLP_ID_SIZE])
{
	size_t low = 0, high = t->count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;
		const struct otlp_span *s = &t->spans[t->by_id[middle]];
		int c = memcmp(s->trace, trace, OTLP_TRACE_SIZE);

		if (c == 0)
			c = memcmp(s->id, id, OTLP_ID_SIZE);
		if (c == 0)
			return t->by_id[middle];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return OTLP_NONE;
}

static bool
same_id(const struct otlp_span *a, const struct otlp_span *b)
{
	return memcmp(a->trace, b->trace, sizeof a->trace) == 0 &&
	       memcmp(a->id, b->id, sizeof a->id) == 0;
}

/* An exporter that tries again writes a span twice: the first one stays. */
static bool
repeats_drop(struct otlp *t)
{
	bool *repeat = calloc(t->count + 1, sizeof *repeat);
	size_t kept = 0;

	if (repeat == NULL)
		return false;
	for (size_t i = 1; i < t->count; i++)
		repeat[t->by_id[i]] = same_id(&t->spans[t->by_id[i - 1]], &t->spans[t->by_id[i]]);
	for (size_t i = 0; i < t->count; i++)
		if (!repeat[i])
			t->spans[kept++] = t->spans[i];
	t->repeated += t->count - kept;
	t->count = kept;
	free(repeat);
	return true;
}

static void
sort(struct otlp *t)
{
	for (size_t i = 0; i < t->count; i++)
		t->by_id[i] = (uint32_t)i;
	qsort_r(t->by_id, t->count, sizeof *t->by_id, compare, t->spans);
}

static int
resolve(struct otlp *t)
{
	if ((t->by_id = calloc(t->count + 1, sizeof *t->by_id)) == NULL)
		return fail(EXIT_USAGE, "out of memory");
	sort(t);
	if (!repeats_drop(t))
		return fail(EXIT_USAGE, "out of memory");
	sort(t);
	for (size_t i = 0; i < t->count; i++) {
		struct otlp_span *s = &t->spans[i];

		if (s->has_parent)
			s->parent = otlp_find(t, s->trace, s->parent_id);
		for (size_t k = 0; k < s->links; k++) {
			struct otlp_link *link = &t->links[s->links_at + k];

			link->owner = (uint32_t)i;
			link->span = otlp_find(t, link->trace, link->id);
		}
	}
	return 0;
}

/* ---- the file ---- */

static int
doc_keep(struct otlp *t, json_t *doc)
{
	json_t **docs;

	if (t->doc_count == DOCS_MAX ||
	    (docs = reallocarray(t->docs, t->doc_count + 1, sizeof *docs)) == NULL) {
		json_decref(doc);
		return fail(EXIT_USAGE, "too many documents; split the file");
	}
	t->docs = docs;
	t->docs[t->doc_count++] = doc;
	return 0;
}

static int
documents_read(struct otlp *t, const char *path, const char *text, size_t n)
{
	const size_t flags = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DISABLE_EOF_CHECK;
	uint64_t number = 0;
	size_t at = 0;
	int rc = 0;

	while (rc == 0) {
		json_error_t error;
		const char *problem;
		json_t *doc;

		while (at < n && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0')
			at++;
		if (at == n)
			break;
		if ((doc = json_loadb(text + at, n - at, flags, &error)) == NULL)
			return fail(EXIT_USAGE, "%s, document %zu is not JSON: %s", path,
			    t->doc_count + 1, error.text);
		at += (size_t)error.position;
		if ((rc = doc_keep(t, doc)) == 0 &&
		    (problem = document_read(t, doc, &number, &rc)) != NULL)
			rc = fail(EXIT_USAGE, "%s, document %zu %s: not a trace in OTLP/JSON", path,
			    t->doc_count, problem);
	}
	if (rc == 0 && t->doc_count == 0)
		rc = fail(EXIT_USAGE, "%s is empty", path);
	return rc;
}

int
otlp_read(struct otlp *t, const char *path)
{
	uint8_t *text = NULL;
	size_t n = 0;
	int rc;

	if (!read_file(path, OTLP_FILE_MAX, &text, &n))
		return fail(EXIT_USAGE, "cannot read %s, or it is over 256 MiB", path);
	rc = documents_read(t, path, (const char *)text, n);
	free(text);
	return rc == 0 ? resolve(t) : rc;
}

void
otlp_release(struct otlp *t)
{
	for (size_t i = 0; i < t->doc_count; i++)
		json_decref(t->docs[i]);
	free(t->docs);
	free(t->spans);
	free(t->links);
	free(t->by_id);
	memset(t, 0, sizeof *t);
}
