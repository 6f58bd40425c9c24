/*
 * Owns the source `counters`: all numbers that the kernel keeps of the protocols of a
 * network namespace, by their names. A part is one file below /proc/net.
 *
 * A name is group and name as the file has them, which is what nstat prints:
 * TcpExtListenOverflows. What the kernel adds comes too.
 */
#include "private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct counter_row {
	uint64_t value;
	uint64_t key;
	uint32_t cpu; /* NO_CPU: of all */
	uint8_t kind;
	uint8_t pad[3];
};

#define NO_CPU UINT32_MAX

enum { COUNTER_NAME = 1, COUNTER_GROUP, COUNTER_ATTRS };
enum { KIND_COUNTER, KIND_GAUGE };

static const struct shape shape_counter = {
	.name = "counters",
	.type = 0x10,
	.header = sizeof(struct counter_row),
	.max_attr = COUNTER_ATTRS - 1,
};

struct counter_reader {
	struct reader reader;
	const struct counter_file *file;
	char *text; /* NULL: there is no such file */
	size_t len;
	struct named_numbers walk;
	const char *line; /* softnet: of the processor that comes next */
	size_t column;
	unsigned cpu; /* number of the line */
	char *name;
	size_t room;
	struct message msg;
};

/* One file; next fills the message with its next number, false at its end. */
struct counter_file {
	const char *path;
	enum named_form form;
	bool (*next)(struct counter_reader *r);
};

/* ---- messages ---------------------------------------------------------------------- */

static uint64_t hash(const char *text, size_t len, uint32_t more)
{
	uint64_t n = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		n = (n ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	n = (n ^ more) * UINT64_C(0x100000001b3);
	return n ? n : 1;
}

static void put(struct counter_reader *r, const char *name, size_t len, size_t group_len,
		uint64_t value, uint32_t cpu, bool gauge)
{
	struct counter_row row = {
		.value = value,
		.key = hash(name, len, cpu),
		.cpu = cpu,
		.kind = gauge ? KIND_GAUGE : KIND_COUNTER,
	};

	message_begin(&r->msg, shape_counter.type, &row, sizeof(row));
	message_put(&r->msg, COUNTER_NAME, name, len);
	message_put(&r->msg, COUNTER_GROUP, name, group_len);
}

/* Room in r->name for len bytes; false: no memory, which the message says. */
static bool make_room(struct counter_reader *r, size_t len)
{
	char *name = len > r->room ? realloc(r->name, len * 2) : r->name;

	if (!name) {
		r->msg.failed = true;
		return false;
	}
	if (name != r->name)
		r->room = len * 2;
	r->name = name;
	return true;
}

/* ---- snmp, netstat, snmp6: names as they are ------------------------------------------ */

/* Numbers that go up and down, or that are settings: <linux/snmp.h>, RFC 1213, RFC 4022. */
static bool is_gauge(const char *name, size_t len)
{
	static const char *const gauges[] = {
		"IpForwarding", "IpDefaultTTL", "TcpRtoAlgorithm", "TcpRtoMin",
		"TcpRtoMax",	"TcpMaxConn",	"TcpCurrEstab",	   "MPTcpExtMPCurrEstab",
	};

	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		if (strlen(gauges[i]) == len && memcmp(gauges[i], name, len) == 0)
			return true;
	return false;
}

static bool next_pair(struct counter_reader *r)
{
	struct named_number n;

	if (!named_next(&r->walk, &n) || !make_room(r, n.group_len + n.name_len))
		return false;
	memcpy(r->name, n.group, n.group_len);
	memcpy(r->name + n.group_len, n.name, n.name_len);
	put(r, r->name, n.group_len + n.name_len, n.group_len, n.value, NO_CPU,
	    is_gauge(r->name, n.group_len + n.name_len));
	return true;
}

/* Ip6InReceives is of Ip6: each group of this file has a 6 at its end. */
static bool next_line(struct counter_reader *r)
{
	struct named_number n;
	const char *six;

	if (!named_next(&r->walk, &n))
		return false;
	six = memchr(n.name, '6', n.name_len);
	put(r, n.name, n.name_len, six ? (size_t)(six + 1 - n.name) : n.name_len, n.value, NO_CPU,
	    false);
	return true;
}

/* ---- sockstat --------------------------------------------------------------------------- */

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
}

/* "TCP: inuse 5" is SockstatTCPInuse of SockstatTCP. All of it is what there is now. */
static bool next_label(struct counter_reader *r)
{
	static const char start[] = "Sockstat";
	size_t skip = sizeof(start) - 1, group, len;
	struct named_number n;

	if (!named_next(&r->walk, &n))
		return false;
	group = skip + n.group_len;
	len = group + n.name_len;
	if (!make_room(r, len))
		return false;
	memcpy(r->name, start, skip);
	memcpy(r->name + skip, n.group, n.group_len);
	memcpy(r->name + group, n.name, n.name_len);
	r->name[skip] = upper(r->name[skip]);
	r->name[group] = upper(r->name[group]);
	put(r, r->name, len, group, n.value, NO_CPU, true);
	return true;
}

/* ---- softnet_stat -------------------------------------------------------------------------- */

/* Columns of softnet_seq_show() in net/core/net-procfs.c; 3 to 8 are not used any more. */
static const struct {
	unsigned column;
	const char *name;
	bool gauge;
} softnet[] = {
	{ 0, "SoftnetProcessed", false },   { 1, "SoftnetDropped", false },
	{ 2, "SoftnetTimeSqueeze", false }, { 9, "SoftnetReceivedRps", false },
	{ 10, "SoftnetFlowLimit", false },  { 11, "SoftnetBacklogLen", true },
	{ 13, "SoftnetInputQlen", true },   { 14, "SoftnetProcessQlen", true },
};
#define NSOFTNET      (sizeof(softnet) / sizeof(softnet[0]))
#define SOFTNET_GROUP (sizeof("Softnet") - 1)
#define SOFTNET_CPU   12 /* since Linux 5.10; before, lines are counted */

static const char *line_end(const struct counter_reader *r, const char *line)
{
	const char *end = memchr(line, '\n', (size_t)(r->text + r->len - line));

	return end ? end : r->text + r->len;
}

static const char *line_after(const struct counter_reader *r, const char *line)
{
	const char *end = line_end(r, line);

	return end < r->text + r->len ? end + 1 : end;
}

/* A column of a line, hexadecimal; false: the line is shorter, or damaged there. */
static bool softnet_column(const struct counter_reader *r, const char *line, unsigned column,
			   uint64_t *n)
{
	const char *end = line_end(r, line), *word;
	size_t len = 0;

	for (unsigned i = 0; i <= column; i++)
		len = word_next(&line, end, &word);
	return word_number(word, len, 16, n);
}

/* The sum over all processors; false: none has the column. */
static bool softnet_sum(const struct counter_reader *r, unsigned column, uint64_t *sum)
{
	bool any = false;
	uint64_t n;

	*sum = 0;
	for (const char *at = r->text; at < r->text + r->len; at = line_after(r, at)) {
		if (!softnet_column(r, at, column, &n))
			continue;
		*sum += n;
		any = true;
	}
	return any;
}

/* First the sums, then what each processor adds. */
static bool next_softnet(struct counter_reader *r)
{
	const char *end = r->text + r->len;

	while (!r->line || r->line < end) {
		uint32_t cpu = NO_CPU;
		uint64_t value, number;
		size_t i = r->column++;
		bool there;

		if (i == NSOFTNET) {
			r->cpu += r->line != NULL;
			r->line = r->line ? line_after(r, r->line) : r->text;
			r->column = 0;
			continue;
		}
		if (!r->line) {
			there = softnet_sum(r, softnet[i].column, &value);
		} else {
			there = softnet_column(r, r->line, softnet[i].column, &value);
			if (!softnet_column(r, r->line, SOFTNET_CPU, &number))
				number = r->cpu;
			cpu = (uint32_t)number;
		}
		if (!there)
			continue;
		put(r, softnet[i].name, strlen(softnet[i].name), SOFTNET_GROUP, value, cpu,
		    softnet[i].gauge);
		return true;
	}
	return false;
}

/* ---- files ------------------------------------------------------------------------------- */

static const struct counter_file files[] = {
	{ "net/snmp", NAMED_PAIRS, next_pair },	       { "net/netstat", NAMED_PAIRS, next_pair },
	{ "net/snmp6", NAMED_LINES, next_line },       { "net/sockstat", NAMED_LABELS, next_label },
	{ "net/sockstat6", NAMED_LABELS, next_label }, { "net/softnet_stat", 0, next_softnet },
};
#define NFILES (sizeof(files) / sizeof(files[0]))

static int next(struct reader *reader, const struct nlmsghdr **msg, struct nl_error *err)
{
	struct counter_reader *r = (struct counter_reader *)reader;

	if (!r->text)
		return 0;
	r->msg.failed = false;
	if (!r->file->next(r) && !r->msg.failed)
		return 0;
	*msg = message_end(&r->msg);
	return *msg ? 1 : nl_fail(err, ENOMEM, "out of memory");
}

static void reader_close(struct reader *reader)
{
	struct counter_reader *r = (struct counter_reader *)reader;

	free(r->text);
	free(r->name);
	message_free(&r->msg);
	free(r);
}

static const struct reader_ops ops = { next, reader_close };

/* The file is read whole at once, so its numbers are of one time. */
static struct reader *open_reader(const struct scan_request *req, const struct dump_plan *plan,
				  struct nl_error *err)
{
	struct counter_reader *r = calloc(1, sizeof(*r));

	if (!r) {
		nl_fail(err, ENOMEM, "out of memory");
		return NULL;
	}
	r->reader.ops = &ops;
	r->file = &files[plan->tag];
	r->text = proc_text(env_netns_fd(req->env), r->file->path, &r->len, err);
	/* a kernel without IPv6 has none of its files */
	if (!r->text && err->code != ENOENT) {
		reader_close(&r->reader);
		return NULL;
	}
	if (r->text)
		named_begin(&r->walk, r->text, r->len, r->file->form);
	return &r->reader;
}

static bool dump(const struct scan_request *req, unsigned i, struct dump_plan *out)
{
	for (unsigned n = 0; n < NFILES; n++) {
		if (!part_has(&req->parts, n) || i-- > 0)
			continue;
		out->request.what = files[n].path;
		out->read = open_reader;
		out->tag = n;
		return true;
	}
	return false;
}

/* ---- the source ---------------------------------------------------------------------------- */

static const struct enum_name kind_names[] = {
	{ KIND_COUNTER, "counter" },
	{ KIND_GAUGE, "gauge" },
	{ 0, NULL },
};

static bool get_file(const struct row *row, const struct field *f, struct value *v)
{
	(void)f;
	return row->tag < NFILES && set_text(v, files[row->tag].path, strlen(files[row->tag].path));
}

static bool grows(const struct row *row)
{
	return ((const struct counter_row *)row_header(row))->kind == KIND_COUNTER;
}

#define HDR(member)                                     \
	.offset = offsetof(struct counter_row, member), \
	.size = sizeof(((struct counter_row *)0)->member)

/* clang-format off */
static const struct field fields[] = {
	{ .name = "name", .type = FT_TEXT, .attr = COUNTER_NAME, .flags = FF_COLUMN,
	  .from = "label and name in the file",
	  .doc = "Name as nstat(8) has it: the group, then its own name; what sockstat and "
		 "softnet_stat tell is SockstatTCPInuse or SoftnetDropped." },
	{ .name = "value", .type = FT_INT, HDR(value), .grows = grows,
	  .flags = FF_COLUMN | FF_COUNTER | FF_RATE_COLUMN, .from = "number in the file",
	  .doc = "What it stands at; counters run from the start of the namespace, and only they "
		 "have a rate." },
	{ .name = "kind", .type = FT_ENUM, .names = kind_names, HDR(kind),
	  .flags = FF_COLUMN, .from = "<linux/snmp.h>",
	  .doc = "A counter only grows; a gauge is what there is now, or a setting." },
	{ .name = "cpu", .type = FT_INT, HDR(cpu), .flags = FF_COLUMN,
	  .has_none = true, .none = NO_CPU, .from = "net/softnet_stat",
	  .doc = "Processor that it is of; absent for what all have together. Only softnet_stat "
		 "tells them apart, and its numbers are those of the whole system." },
	{ .name = "group", .type = FT_TEXT, .attr = COUNTER_GROUP,
	  .from = "label in the file",
	  .doc = "Group that it belongs to: Ip, Icmp, IcmpMsg, Tcp, Udp, TcpExt, IpExt, Ip6, "
		 "SockstatTCP, Softnet ..." },
	{ .name = "file", .type = FT_TEXT, .get = get_file, .from = "proc_net(5)",
	  .doc = "File below /proc that tells it." },
	FIELD_NETNS,
	{ .name = NULL },
};
/* clang-format on */

static bool part_value(unsigned part, const struct field *f, struct value *v)
{
	return f->get == get_file && set_text(v, files[part].path, strlen(files[part].path));
}

static uint64_t key(const struct row *row)
{
	return ((const struct counter_row *)row_header(row))->key;
}

const struct source source_counters = {
	.name = "counters",
	.row_name = "counter",
	.doc = "What the kernel counts of the protocols: snmp, netstat, snmp6, sockstat, sockstat6 "
	       "and softnet_stat below /proc/net.",
	.fields = fields,
	.nparts = NFILES,
	.shape = &shape_counter,
	.row_names = "name",
	.row_value = "value",
	.part_value = part_value,
	.part_asked = part_always,
	.dump = dump,
	.key = key,
};
