/*
 * pages.c - the pages of ectl's verbs: one place for what -h and the manual say beyond the options.
 *
 * Every verb has a page with an example; a scenario checks it.  docs/CLI.md is the reference with the
 * members of answers.
 */
#include "pages.h"

#include <string.h>

#define UUID_1 "6f1e8f1c-3b0a-4c7e-9a52-0d6f6c1d2e3f"
#define END                                                                                        \
	{                                                                                          \
		NULL, NULL                                                                         \
	}

static const struct page_example append[] = {
    {"Sign a task and append it, with its receipt kept.",
	"ectl sign --key writer.jwk --act draft | ectl append --receipts receipts"},
    {"Rows as an agent writes its tokens, through restarts of the server.",
	"tail -f tokens.jws | ectl append -o ndjson --retries 100"},
    {"Tokens of an agent that the server knows by its WIT.",
	"ectl append --wit agent.wit tokens.jws"},
    {"Which were refused, and why?",
	"ectl append tokens.jws -o ndjson | jq -r 'select(.status==\"refused\") | .code'"},
    END};
static const struct page_example get[] = {
    {"One task, and the key that signed it.", "ectl get " UUID_1},
    {"By place.", "ectl get --index 0"},
    {"As it was shown when the log had 1,000 entries.", "ectl get " UUID_1 " --at 1000 -o json"},
    END};
static const struct page_example checkpoint[] = {
    {"Keep the newest checkpoint.", "ectl checkpoint > checkpoint.txt"}, END};
static const struct page_example receipt[] = {
    {"Proof for somebody without access to the server.",
	"ectl receipt " UUID_1 " --out task.receipt\n"
	"ectl verify task.receipt --vkey 'ledger.example.com/audit+...'"},
    END};
static const struct page_example consistency[] = {
    {"Is the log that I saw at size 1,000 still the beginning of what is there?",
	"ectl consistency 1000"},
    END};
static const struct page_example verify[] = {
    {"Receipts and a token, offline.", "ectl verify receipts/*.json --vkey data/logs/default/vkey\n"
				       "ectl verify task.receipt --vkey vkey --token task.jws"},
    END};
static const struct page_example provenance[] = {
    {"What led to this result?", "ectl provenance " UUID_1},
    {"What was made from this file?",
	"ectl provenance --down --hash $(sha256sum < input.csv | cut -c1-64)"},
    {"A drawing.", "ectl provenance " UUID_1 " --format dot | dot -Tsvg > graph.svg"},
    {"How does the one rest on the other?", "ectl provenance " UUID_1 " --to " UUID_1},
    {"Through whose hands did it come?", "ectl provenance " UUID_1 " --custody"},
    {"For tools that read W3C PROV.",
	"ectl provenance " UUID_1 " --format prov-json > provenance.json"},
    END};
static const struct page_example translations[] = {
    {"Which hops do not hold?",
	"ectl translations -o json | jq -r '.hops[] | select(.flags != []) | .jti'"},
    {"Of one workflow.", "ectl translations --wid " UUID_1}, END};
static const struct page_example lifecycle[] = {
    {"Every agent of whom something was said.", "ectl lifecycle"},
    {"Who goes on working with what a retired agent made?",
	"ectl lifecycle spiffe://example.com/agent/Excel_Expert --dependants"},
    END};
static const struct page_example rollback[] = {
    {"What has to be undone, children first?",
	"ectl rollback " UUID_1 " -o json | jq -r '.order[].jti'"},
    {"What cannot simply be undone, back to the nearest checkpoint?",
	"ectl rollback " UUID_1 " --scope checkpoint -o json |\n"
	"    jq -c '.order[] | select(.action != \"undo\")'"},
    {"Ask for it on the record.", "ectl rollback " UUID_1 " --emit --key operator.jwk \\\n"
				  "    --idem incident-17 --not-after +2h --reason 'wrong source'"},
    END};
static const struct page_example recovery[] = {
    {"Which requests of a workflow are still open?",
	"ectl recovery --wid " UUID_1 " -o json |\n"
	"    jq -c '.requests[] | select(.state == \"open\")'"},
    END};
static const struct page_example trust[] = {
    {"How far is this agent to be trusted, and why?",
	"ectl trust spiffe://example.com/agent/Excel_Expert"},
    {"What does one agent think of another's payments?",
	"ectl trust spiffe://example.com/agent/a --from spiffe://example.com/agent/b \\\n"
	"  --act payment"},
    {"The least trusted first.",
	"ectl trust --all -o json | jq -r '.agents|sort_by(.score)[]|\"\\(.score) \\(.iss)\"'"},
    END};
static const struct page_example agents[] = {{"Who is in this log?", "ectl agents"},
    {"All about one.", "ectl agents spiffe://example.com/agent/Excel_Expert"}, END};
static const struct page_example approvals[] = {{"Who is waited for?", "ectl approvals --open"},
    {"What was done without its approval, in this workflow?",
	"ectl approvals --missing --wid " UUID_1 " -o json |\n"
	"    jq -r '.guarded[] | .jti'"},
    END};
static const struct page_example overrides[] = {
    {"What is in force, and who has not answered?",
	"ectl overrides --active -o json |\n"
	"    jq -r '.overrides[].acks[] | select(.state == \"missing\") | .iss'"},
    END};
static const struct page_example explanations[] = {
    {"Why was it done?", "ectl explanations " UUID_1}, END};
static const struct page_example approve[] = {
    {"After having looked at it.", "ectl approve " UUID_1 " --key boss.jwk --reason 'checked'"},
    END};
static const struct page_example deny[] = {
    {"Not this one.", "ectl deny " UUID_1 " --key boss.jwk --reason 'wrong account'"}, END};
static const struct page_example decide[] = {
    {"Somebody else has to decide.", "ectl decide " UUID_1 " --decision escalated --key boss.jwk"},
    {"The approval was a mistake, and the task has not been done yet.",
	"ectl decide " UUID_1 " --decision revoked --key boss.jwk"},
    END};
static const struct page_example override[] = {
    {"Stop everything that rests on this task, and know within ten minutes who obeyed.",
	"ectl override " UUID_1 " --level stop --ack-by +10m --key operator.jwk"},
    {"Pause a workflow; stop an agent everywhere.",
	"ectl override --wid " UUID_1 " --level pause --key operator.jwk\n"
	"ectl override --agent spiffe://example.com/agent/writer --level stop --key operator.jwk"},
    END};
static const struct page_example release[] = {
    {"Go on.", "ectl release " UUID_1 " --key operator.jwk --reason 'cause found'"}, END};
static const struct page_example ack[] = {
    {"An agent obeys.", "ectl ack " UUID_1 " --status complied --key writer.jwk"}, END};
static const struct page_example circuit[] = {
    {"Which agents should not be called now?",
	"ectl circuit -o json | jq -r '.edges[] | select(.state == \"open\") | .to' | sort -u"},
    {"Where does a breaker of an agent's own disagree?",
	"ectl circuit -o json |\n"
	"    jq -c '.edges[] | .reports[] | select(.agrees == false)'"},
    END};
static const struct page_example workflow[] = {
    {"How far is it, and what went otherwise than declared?", "ectl workflow " UUID_1},
    {"A drawing with states as colours.",
	"ectl workflow " UUID_1 " --format dot | dot -Tsvg > workflow.svg"},
    {"Declare what is to be done.", "ectl workflow register " UUID_1 " plan.json"},
    {"Which workflows are there?", "ectl workflow list"}, END};
static const struct page_example conformance[] = {
    {"Does it meet the regulated profile?", "ectl conformance " UUID_1 " --profile regulated"},
    {"What breaks a rule anywhere in the log?",
	"ectl conformance --all --profile standard -o json |\n"
	"    jq -c '.rules[] | select(.result != \"pass\")'"},
    END};
static const struct page_example search[] = {
    {"Failures of the last day.", "ectl search --kind failure --since 1d"},
    {"Everything an agent did in an hour, with the signed bytes.",
	"ectl search --iss spiffe://example.com/agent/writer \\\n"
	"    --since 2026-11-22T10:00:00Z --until 2026-11-22T11:00:00Z --all --full -o ndjson"},
    {"What did the stolen key sign?", "ectl search --suspect writer-1 --all"},
    {"Who signed two different tasks under one id?", "ectl search --kind equivocation"}, END};
static const struct page_example watch[] = {
    {"Failures as they happen.", "ectl watch --kind failure -o ndjson | jq -c '[.iss, .jti]'"},
    {"Feed another system, from the beginning.", "ectl watch --from 0 --full -o ndjson"}, END};
static const struct page_example stats[] = {
    {"How many tokens were refused, by code?",
	"ectl stats -o json | jq 'with_entries(select(.key | test(\"refused\")))'"},
    END};
static const struct page_example limits[] = {{"Everything that is bounded.", "ectl limits"}, END};
static const struct page_example kinds[] = {
    {"What the log takes an exec_act for, and what it wants to go with it.", "ectl kinds"},
    {"The keys of an approval, as JSON.",
	"ectl kinds -o json | jq '.kinds[] | select(.name == \"hitl_decision\") | .keys'"},
    END};
static const struct page_example policy[] = {{"What is in force?", "ectl policy show"},
    {"Is this file a document?  Then bring it into force.",
	"ectl policy check policy.json && cp policy.json data/ && kill -HUP $(pidof ectledgerd)"},
    END};
static const struct page_example keygen[] = {
    {"A key for an agent, and its public half for the operator.",
	"ectl keygen --iss spiffe://example.com/agent/writer \\\n"
	"    --out writer.jwk --jwks writer.jwks.json"},
    END};
static const struct page_example sign[] = {
    {"A task that follows another, with hashes of its files.",
	"ectl sign --key writer.jwk --act draft --pred " UUID_1 " \\\n"
	"    --in notes.txt --out draft.txt"},
    END};
static const struct page_example import[] = {
    {"A recorded run, its agents enrolled on this machine's server.",
	"ectl import agent-runs runs.jsonl --keys keys --enroll data/trust/example.com"},
    {"What would a trace become?", "ectl import wfcommons trace.json --keys keys --dry-run"},
    {"Traces of agents with OpenTelemetry, as the collector's file exporter writes them.",
	"ectl import otlp traces.jsonl --keys keys --enroll data/trust/example.com"},
    END};
static const struct page_example trust_store[] = {
    {"Who may speak for whom, now and when the log had 1,000 entries?",
	"ectl trust-store list\nectl trust-store list --at 1000"},
    {"Enrol an agent, and a CA for the SVIDs of a trust domain.",
	"ectl trust-store add writer.jwks.json\n"
	"ectl trust-store add ca.pem --domain example.com"},
    {"A key was stolen yesterday evening.",
	"ectl trust-store revoke writer-1 --since 2026-11-21T18:00:00Z --reason 'laptop stolen'\n"
	"ectl search --suspect writer-1 --all"},
    {"Before the first start, on the folder.",
	"ectl trust-store add writer.jwks.json --dir data --domain example.com"},
    END};
static const struct page_example fsck[] = {
    {"Everything, under a key from a safe place.",
	"ectl fsck /var/lib/ectledger --vkey 'ledger.example.com/audit+...'"},
    END};
static const struct page_example reindex[] = {
    {"The index of every log again.", "ectl reindex /var/lib/ectledger"}, END};
static const struct page_example backup[] = {
    {"Every night, while the server runs.",
	"ectl backup /var/lib/ectledger /backup/ectledger-$(date +%F)"},
    END};
static const struct page_example restore[] = {
    {"On a new machine, then look at it with a key from a safe place.",
	"ectl restore /backup/ectledger-2026-11-22 /var/lib/ectledger\n"
	"ectl fsck /var/lib/ectledger --vkey 'ledger.example.com/audit+...'"},
    END};
static const struct page_example completion[] = {
    {"For this shell, and for every one.",
	"source <(ectl completion bash)\n"
	"ectl completion bash > ~/.local/share/bash-completion/completions/ectl"},
    END};
static const struct page_example man[] = {
    {"Read a page without installing it.", "ectl man append | man -l -"}, END};

const struct page pages[] = {
    {"append",
	"Tokens come from files or standard input: text with a token a line (compact JWS, or JSON "
	"where "
	"the log takes level 1), or COSE tokens one after the other. Each gets one row, in the "
	"order "
	"of the input. \"accepted\" means committed: on the server's disk and under a signed "
	"checkpoint.\n"
	"Appending the same token again gives the same answer, marked as a duplicate. So after a "
	"lost "
	"connection the same input may be appended again without harm; within one run ectl does "
	"that "
	"by itself.\n"
	"A token whose predecessor is not there yet waits in the server for a while, because "
	"agents "
	"race. What the server puts off (busy, over_quota) is sent again after the time that the "
	"server names.",
	append},
    {"get",
	"Shows an entry: the claims, what the log recorded about it when it came, and what the log "
	"says "
	"about the key that signed it. A task's id that is used in more than one workflow wants "
	"--wid.",
	get},
    {"checkpoint", "The newest signed tree head, as a C2SP signed note, byte for byte.",
	checkpoint},
    {"receipt",
	"Proof that an entry is in the log, under a signed checkpoint, for people who have no "
	"access "
	"to the server. Verify it with \"ectl verify\", or with any tool that knows one of the "
	"three "
	"forms.",
	receipt},
    {"consistency",
	"Proof that an older state of the log is the beginning of a newer one: nothing was taken "
	"out "
	"or changed.",
	consistency},
    {"verify",
	"Offline: no server, no network. Says what was checked, what failed, and what this form of "
	"proof does not show. The verifier key should come from a place that the log's operator "
	"cannot "
	"write.",
	verify},
    {"provenance",
	"The tasks that led to one, or with --down those that came of it, over all workflows of "
	"the "
	"log. Parents stand before their children.",
	provenance},
    {"translations",
	"Hops from one protocol to another: whether what came out of one is what went into the "
	"next, what was lost on the way, and which protocols there are.",
	translations},
    {"lifecycle",
	"What was said about agents: versions, draining, retirement, by whom. With --dependants "
	"what rests on an agent's tasks since it was retired, or since it drains.",
	lifecycle},
    {"rollback",
	"The task was wrong: it and everything that depends on it, in the order in which to undo "
	"it, back to a checkpoint where one is wanted. With --emit the request to do so is signed "
	"and appended; \"ectl recovery\" shows what became of it.",
	rollback},
    {"recovery",
	"The requests to undo a task, or those of a whole workflow, with the answers to them, and "
	"the state that each task is in by them. A record that breaks a rule is shown with the "
	"rule's name and has no effect.",
	recovery},
    {"trust",
	"The score of an agent by what others signed about its work (docs/SCORES.md has every "
	"step), with the evidence, and with what was said about it as such: assertions, held "
	"against a recomputation, revocations, quarantines.",
	trust},
    {"agents",
	"Agents that have an entry in the log: since when, with which keys, doing what, in how "
	"many "
	"workflows, how far trusted, active or not.",
	agents},
    {"approvals",
	"Requests with their states and decisions, and the tasks that a rule guards, newest first. "
	"A record that breaks a rule is shown with the rule's name; most such records have no "
	"effect. What a rule guards and who may decide is said by the log's policy document.",
	approvals},
    {"overrides",
	"Commands of people that outrank agents, newest first: in force or released, who owes an "
	"answer, and the work that was done in spite of them.",
	overrides},
    {"explanations", "The explanation records that rest on a task, in the order of the log.",
	explanations},
    {"approve",
	"The request is fetched from the server and shown; the decision is signed with the key of "
	"who approves, repeats the hash of what was to be shown, and is appended. The row that "
	"append gives is printed.",
	approve},
    {"deny", "As approve does, with the other answer.", deny},
    {"decide",
	"As approve does, with any of the five words: a request can be escalated, withdrawn by who "
	"asked, and an approval revoked before its task is in the log.",
	decide},
    {"override",
	"Signed with the key of an operator or another person that the policy document names, and "
	"appended. Without tasks it is about a workflow, or about agents.",
	override},
    {"release", "Ends one override; others that are in force stay so.", release},
    {"ack",
	"For agents without a library of their own, and for tests: received, complied, refused or "
	"unable.",
	ack},
    {"circuit",
	"For each pair of agents, the caller and the one who went on from its work, whether the "
	"failures among the newest calls opened the circuit breaker: closed, open, half_open. "
	"Recomputed from tasks and failures alone; what agents told of their own breakers is held "
	"against it. The policy document has window, minimum, threshold, wait_s and probes.",
	circuit},
    {"workflow",
	"Each task with its state, from the evidence alone; nodes that a descriptor declares and "
	"that nothing was done for yet; open approvals, overrides in force, explanations; and what "
	"deviates from the descriptor. \"none\" stands for the tasks of no workflow, \"list\" "
	"for the table of workflows.",
	workflow},
    {"conformance",
	"Every rule of the profile with pass, warn or fail, how often it is broken and where first. "
	"Exit code 1 when a rule fails. AEM levels (0 to 3) and ECT levels (L1 to L3) are two "
	"scales and are told side by side.",
	conformance},
    {"search",
	"Entries that fit every condition, oldest first, a row each as \"ectl get\" gives it. "
	"Where "
	"it stopped is told on standard error; --after goes on from there, also when the log has "
	"grown "
	"since.\n"
	"Times are when the server received an entry: seconds since 1970, RFC 3339 (the date alone "
	"is "
	"midnight UTC), or so long ago as 90s, 10m, 2h, 3d.",
	search},
    {"watch",
	"Entries that fit every condition, a row each, as soon as they are committed, until "
	"interrupted. A lost connection is made again, and nothing is left out or told twice.",
	watch},
    {"stats", "The server's counters since its start.", stats},
    {"limits", "Every limit of the server and of the log, with its value.", limits},
    {"kinds",
	"The table of node kinds in force: the ledger's own rows, then those that the log's policy "
	"document adds. With --at as of an older tree size.",
	kinds},
    {"keygen",
	"Makes a private key, mode 0600, never over an existing file. The public half goes to the "
	"operator, who enrols it with \"ectl trust-store add\".",
	keygen},
    {"sign",
	"Makes the signed record of one task. The ledger gets hashes of inputs and outputs, never "
	"the "
	"contents.",
	sign},
    {"import",
	"Turns a recorded run into tokens, signed by one key per agent, and appends them, parents "
	"first.",
	import},
    {"trust-store",
	"list shows keys, CA certificates, bundles and revocation lists with what happened to "
	"them; "
	"add takes a public JWK, a JWK set or CA certificates; revoke and reinstate take a "
	"thumbprint, "
	"a certificate's hash or a kid. Each change is an entry of the log, in force when the "
	"command "
	"comes back. The log's grants must give you \"admin\".\n"
	"A revocation has a time, which may lie in the past: what the key signed from then on is "
	"marked "
	"as suspect.\n"
	"With --dir the folder is edited without a server. A key that is taken out there is "
	"withdrawn: "
	"good until then, not from then on.",
	trust_store},
    {"policy",
	"show prints the document in force (with --at, at that size); list tells all of them. A "
	"document is brought into force by the file that the server's option policy names: at its "
	"start and on SIGHUP it becomes an entry of the log, and is in force from that entry on. "
	"check reads a file without a server and ends with 1 where it is no document, saying the "
	"place.",
	policy},
    {"fsck",
	"Offline: derives everything in a data folder again, with code that shares nothing with "
	"the "
	"server, and compares. Exit 1 when there are problems.",
	fsck},
    {"reindex",
	"Offline: builds the index again from the log. A server does that by itself when it finds "
	"its "
	"index missing or damaged.",
	reindex},
    {"backup",
	"Copies a data folder into a new one, also while its server runs. The copy is checked "
	"before it "
	"gets its name.",
	backup},
    {"restore",
	"Puts a backup into a new or empty folder, or the databases of a stopped server back into "
	"its "
	"own. Refused when the backup is damaged, or when the log went further than the backup: a "
	"log that forgets is a fork.",
	restore},
    {"completion", "A script for the shell, made from the same table that reads the command line.",
	completion},
    {"man",
	"The manual page of ectl or of one verb, made from the same table that reads the command "
	"line.",
	man},
    {NULL, NULL, NULL},
};

const struct page *
page_of(const char *verb)
{
	for (const struct page *p = pages; p->verb != NULL; p++)
		if (strcmp(p->verb, verb) == 0)
			return p;
	return NULL;
}
