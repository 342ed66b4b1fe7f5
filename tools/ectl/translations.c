/*
 * translations.c - hops from one protocol to another, all pages put together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph.h"

#define PAGE 5000

/* Texts with commas, at most 'room' bytes. */
static const char *
joined(char *const *list, size_t n, char *room, size_t size)
{
	size_t used = 0;

	room[0] = '\0';
	for (size_t i = 0; i < n && used < size; i++)
		used +=
		    (size_t)snprintf(room + used, size - used, "%s%s", i == 0 ? "" : ",", list[i]);
	return n == 0 ? "-" : room;
}

static int
hops_table(const Ectledger__V1__TranslationsReply *r)
{
	static const char *const head[] = {
	    "index", "chain", "hop", "from", "to", "loss", "hash", "flags"};
	size_t flagged = 0;
	struct table t;
	char room[256];
	int code;

	table_init(&t, 8);
	for (size_t i = 0; i < 8; i++)
		table_add(&t, head[i]);
	for (size_t i = 0; i < r->n_hops; i++) {
		const Ectledger__V1__TranslationHop *h = r->hops[i];

		table_add_u64(&t, h->index);
		table_add_u64(&t, h->chain_index);
		table_add_u64(&t, h->number);
		table_add(&t, h->src_proto[0] != '\0' ? h->src_proto : "-");
		table_add(&t, h->dst_proto[0] != '\0' ? h->dst_proto : "-");
		table_add_u64(&t, h->n_loss);
		table_add(&t, h->continuity);
		table_add(&t, joined(h->flags, h->n_flags, room, sizeof room));
		flagged += h->n_flags > 0;
	}
	if ((code = table_print(&t)) != 0)
		return code;
	(void)printf("\n%llu hops in %llu chains, %zu with a flag, at tree size %llu%s\n",
	    (unsigned long long)r->hop_total, (unsigned long long)r->chain_total, flagged,
	    (unsigned long long)r->tree_size,
	    r->complete ? "" : "; NOT COMPLETE: over the limit of one query");
	for (size_t i = 0; i < r->n_protocols; i++)
		(void)printf("%s: from it %llu, to it %llu\n", r->protocols[i]->name,
		    (unsigned long long)r->protocols[i]->as_source,
		    (unsigned long long)r->protocols[i]->as_target);
	return 0;
}

static int
call_pages(const struct globals *g, Ectledger__V1__TranslationsRequest *request,
    Ectledger__V1__TranslationsReply **out)
{
	Ectledger__V1__TranslationsReply *page = NULL, *to;
	int code;

	do {
		code = call_server(g, "/ectledger.v1.Query/Translations", &request->base,
		    &ectledger__v1__translations_reply__descriptor,
		    (ProtobufCMessage **)(void *)&page);
		if (code != 0)
			return code;
		request->from = page->next;
		request->at = page->tree_size;
		if ((to = *out) == NULL) {
			*out = page;
			continue;
		}
		to->next = page->next;
		to->complete = to->complete && page->complete;
		if (!join_lists(
			&to->hops, &to->n_hops, &page->hops, &page->n_hops, sizeof *to->hops) ||
		    !join_lists(&to->rests_on, &to->n_rests_on, &page->rests_on, &page->n_rests_on,
			sizeof *to->rests_on))
			code = fail(EXIT_UNREACHABLE, "out of memory");
		ectledger__v1__translations_reply__free_unpacked(page, NULL);
	} while (code == 0 && request->from != 0);
	return code;
}

static int
translations_run(const struct globals *g, const struct args *a)
{
	Ectledger__V1__TranslationsRequest request = ECTLEDGER__V1__TRANSLATIONS_REQUEST__INIT;
	Ectledger__V1__TranslationsReply *reply = NULL;
	const char *wid = args_get(a, "--wid");
	uint8_t id[UUID_SIZE];
	int code;

	request.no_wid = wid != NULL && strcmp(wid, "none") == 0;
	if (wid != NULL && !request.no_wid) {
		if (!args_uuid(wid, id, "--wid"))
			return EXIT_USAGE;
		request.wid = (ProtobufCBinaryData){UUID_SIZE, id};
	}
	request.limit = PAGE;
	request.at = g->at;
	code = call_pages(g, &request, &reply);
	if (code == 0 && g->output != OUTPUT_TABLE)
		return show_message(g, &reply->base, 0);
	if (code == 0)
		code = hops_table(reply);
	if (reply != NULL)
		ectledger__v1__translations_reply__free_unpacked(reply, NULL);
	return code;
}

static const struct verb_option translations_options[] = {
    {"--wid", "UUID", "hops of this workflow; \"none\": of no workflow (default: all)", false},
    {NULL, NULL, NULL, false},
};
const struct verb verb_translations = {"translations", "",
    "hops from one protocol to another: do their hashes fit, what was lost", translations_options,
    0, 0, translations_run};
