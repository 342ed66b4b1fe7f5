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
call_server(const struct globals *g, const char *method, const ProtobufCMessage *request,
    const ProtobufCMessageDescriptor *type, ProtobufCMessage **answer)
{
	struct ect_client *client = NULL;
	struct ect_status status;
	uint8_t *packed = NULL, *bytes = NULL;
	size_t size = protobuf_c_message_get_packed_size(request), n = 0;
	int code;

	must(type != NULL);
	*answer = NULL;
	if ((packed = malloc(size + 1)) == NULL)
		return fail(EXIT_USAGE, "out of memory");
	(void)protobuf_c_message_pack(request, packed);
	if ((code = connect_server(g, &client)) != 0)
		goto out;
	if (ect_client_call(client, method, packed, size, &bytes, &n, &status) != 0) {
		code = fail_status(&status);
		goto out;
	}
	*answer = protobuf_c_message_unpack(type, NULL, n, bytes);
	if (*answer == NULL)
		code = fail(EXIT_UNREACHABLE, "the server's answer to %s cannot be read", method);
out:
	ect_client_close(client);
	free(packed);
	free(bytes);
	return code;
}
