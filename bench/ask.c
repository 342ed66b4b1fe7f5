/*
 * ask.c - a question made from names, so that a method or member that the proto file does not have (yet)
 * is passed over instead of breaking the build; the answer is not taken apart beyond two members.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "client/src/wire.h"
#include "ectledger/client.h"
#include "proto/ledger.pb-c.h"
#include "tools/ectl/ectl.h"

struct asker {
	struct ect_client *client;
};

struct asker *
asker_open(const struct bench_options *o, const char *address)
{
	const struct ect_client_options options = {.server = address,
	    .insecure_loopback = o->cert == NULL,
	    .cert = o->cert,
	    .key = o->key,
	    .ca = o->ca,
	    .call_ms = 120000};
	struct asker *a = calloc(1, sizeof *a);
	struct ect_status status;

	if (a == NULL || ect_client_open(&a->client, &options, &status) != 0) {
		fail(EXIT_UNREACHABLE, "cannot connect: %s",
		    a == NULL ? "out of memory" : status.text);
		free(a);
		return NULL;
	}
	return a;
}

void
asker_close(struct asker *a)
{
	if (a == NULL)
		return;
	ect_client_close(a->client);
	free(a);
}

static const ProtobufCMethodDescriptor *
find(const char *method)
{
	const char *slash = strchr(method, '/');
	const ProtobufCServiceDescriptor *s = strncmp(method, "Query", 5) == 0
						  ? &ectledger__v1__query__descriptor
						  : &ectledger__v1__ledger__descriptor;

	must(slash != NULL);
	return protobuf_c_service_descriptor_get_method_by_name(s, slash + 1);
}

bool
ask_known(const char *method)
{
	return find(method) != NULL;
}

static void
request_make(struct buf *b, const ProtobufCMessageDescriptor *type, const struct ask_value *values)
{
	for (; values->name != NULL; values++) {
		const ProtobufCFieldDescriptor *f =
		    protobuf_c_message_descriptor_get_field_by_name(type, values->name);

		if (f == NULL)
			continue;
		if (f->type == PROTOBUF_C_TYPE_STRING || f->type == PROTOBUF_C_TYPE_BYTES)
			wire_put_bytes(b, f->id, values->bytes.p, values->bytes.n);
		else
			wire_put_u64(b, f->id, values->number);
	}
}

static uint64_t
number_of(
    const ProtobufCMessageDescriptor *type, const char *name, struct bytes answer, uint64_t absent)
{
	const ProtobufCFieldDescriptor *f =
	    protobuf_c_message_descriptor_get_field_by_name(type, name);
	struct wire w = {answer.p, answer.n};
	struct wire_field field;
	bool bad = false;
	uint64_t v = 0;

	if (f == NULL)
		return absent;
	while (wire_next(&w, &field, &bad))
		if (field.number == f->id && field.type == 0)
			v = field.value;
	return v;
}

bool
ask(struct asker *a, const char *method, const struct ask_value *values, struct ask_result *out)
{
	const ProtobufCMethodDescriptor *m = find(method);
	struct ect_status status = {0};
	uint8_t *answer = NULL;
	size_t n = 0;
	struct buf b;
	char path[96];
	int rc;

	must(m != NULL);
	memset(out, 0, sizeof *out);
	snprintf(path, sizeof path, "/ectledger.v1.%.60s", method);
	buf_init(&b, 0);
	request_make(&b, m->input, values);
	out->us = bench_now_us();
	rc = b.bad ? -1 : ect_client_call(a->client, path, b.p, b.n, &answer, &n, &status);
	out->us = bench_now_us() - out->us;
	buf_release(&b);
	if (rc != 0) {
		out->refused = status.outcome == ECT_REFUSED || status.outcome == ECT_NOT_FOUND;
		snprintf(out->text, sizeof out->text, "%.150s", status.text);
		return out->refused;
	}
	out->bytes = n;
	out->tree_size = number_of(m->output, "tree_size", bytes_of(answer, n), 0);
	out->complete = number_of(m->output, "complete", bytes_of(answer, n), 1) != 0;
	free(answer);
	return true;
}

bool
ask_counter(struct asker *a, const char *name, double *out)
{
	const Ectledger__V1__StatsRequest request = ECTLEDGER__V1__STATS_REQUEST__INIT;
	Ectledger__V1__StatsReply *reply = NULL;
	struct ect_status status = {0};

	*out = 0;
	if (ect_client_ask(a->client, "/ectledger.v1.Admin/Stats", &request.base,
		&ectledger__v1__stats_reply__descriptor, (ProtobufCMessage **)(void *)&reply,
		&status) != 0)
		return false;
	for (size_t i = 0; i < reply->n_counters; i++)
		if (strcmp(reply->counters[i]->name, name) == 0)
			*out = reply->counters[i]->value;
	ectledger__v1__stats_reply__free_unpacked(reply, NULL);
	return true;
}
