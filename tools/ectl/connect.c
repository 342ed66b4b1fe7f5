/*
 * connect.c - global options -> a client; and one unary call from request struct to answer struct.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "call.h"

int
connect_server(const struct globals *g, struct ect_client **out)
{
	struct ect_client_options options = {.server = g->server,
	    .log = g->log,
	    .insecure_loopback = g->insecure_loopback,
	    .cert = g->cert,
	    .key = g->key,
	    .retries = g->retries,
	    .ca = g->ca};
	struct ect_status status;

	if (ect_client_open(out, &options, &status) != 0)
		return fail_status(&status);
	return 0;
}

int
call_on(struct ect_client *client, const char *method, const ProtobufCMessage *request,
    const ProtobufCMessageDescriptor *type, ProtobufCMessage **answer)
{
	struct ect_status status;

	if (ect_client_ask(client, method, request, type, answer, &status) != 0)
		return fail_status(&status);
	return 0;
}

int
call_server(const struct globals *g, const char *method, const ProtobufCMessage *request,
    const ProtobufCMessageDescriptor *type, ProtobufCMessage **answer)
{
	struct ect_client *client = NULL;
	int code;

	*answer = NULL;
	if ((code = connect_server(g, &client)) != 0)
		return code;
	code = call_on(client, method, request, type, answer);
	ect_client_close(client);
	return code;
}
