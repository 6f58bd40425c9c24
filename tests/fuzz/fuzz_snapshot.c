/*
 * Fuzzing recordings. The input is a row of records {kind, u16 length, bytes}, which are given
 * their checks and their end here, so that what is fuzzed is the structure behind them. What is
 * loaded is asked everything that it may tell. A first byte of 255: the rest is a file as it is.
 */
#include "connsh/procfs.h"
#include "connsh/recording.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile unsigned sink;

static void touch(const void *data, size_t len)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < len; i++)
		sink += bytes[i];
}

static void touch_text(const char *text)
{
	if (text)
		touch(text, strlen(text) + 1);
}

/* ---- the file ------------------------------------------------------------------------ */

struct file {
	unsigned char *bytes;
	size_t len;
	uint32_t records;
};

static void put_u32(struct file *f, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		f->bytes[f->len++] = (unsigned char)(value >> 8 * i);
}

static void put_record(struct file *f, uint32_t kind, const uint8_t *body, size_t len)
{
	size_t head = f->len, padded = (len + 3) & ~(size_t)3;
	uint32_t crc;

	put_u32(f, kind);
	put_u32(f, (uint32_t)len);
	memset(f->bytes + head + 12, 0, padded);
	memcpy(f->bytes + head + 12, body, len);
	crc = nl_crc(nl_crc(0, f->bytes + head, 8), f->bytes + head + 12, padded);
	put_u32(f, crc);
	f->len += padded;
	f->records++;
}

static struct file make(const uint8_t *data, size_t size)
{
	/* a record has 3 bytes there and at most 15 more than its own here */
	struct file f = { .bytes = malloc(64 + 6 * size) };
	uint8_t count[8] = { 0 };
	size_t at = 0;

	if (!f.bytes)
		abort();
	memcpy(f.bytes, NL_REC_MAGIC, 8);
	f.len = 8;
	put_u32(&f, NL_REC_VERSION);
	while (at + 3 <= size) {
		size_t len = data[at + 1] | (size_t)data[at + 2] << 8;

		if (len > size - at - 3)
			len = size - at - 3;
		put_record(&f, data[at], data + at + 3, len);
		at += 3 + len;
	}
	memcpy(count, &f.records, sizeof(f.records));
	put_record(&f, NL_REC_LAST, count, sizeof(count));
	return f;
}

/* ---- asking ---------------------------------------------------------------------------- */

static void read_dump(const struct nl_request *req, int netns_fd)
{
	const struct nlmsghdr *nlh;
	struct nl_error err;
	struct nl_dump *dump;
	int rc;

	if (nl_dump_open(&dump, req, netns_fd, &err) != 0)
		return;
	while ((rc = nl_dump_next(dump, &nlh, &err)) == 1)
		touch(nlh, nlh->nlmsg_len);
	if (nl_dump_next(dump, &nlh, &err) != rc || !(nl_dump_flags(dump) & NL_RECORDED))
		abort();
	if (rc != 0 && (err.code <= 0 || !memchr(err.text, 0, sizeof(err.text))))
		abort();
	nl_dump_close(dump);
}

static void read_text(const char *path, int netns_fd)
{
	struct nl_error err;
	struct proc_file *f;
	const char *line;
	size_t len;

	if (proc_open(&f, netns_fd, path, &err) != 0)
		return;
	while (proc_line(f, &line, &len, &err) > 0)
		touch(line, len + 1);
	proc_close(f);
}

static void read_uses(const struct owners *o, uint32_t inode)
{
	size_t first, n = owners_uses(o, inode, &first);
	struct use u;

	for (size_t i = 0; i < n; i++) {
		owners_use(o, first + i, &u);
		touch(u.comm, u.comm_len);
		if (u.context)
			touch_text(u.context);
		if (u.sock_context)
			touch_text(u.sock_context);
		if (u.fd < -1)
			abort();
	}
}

static void read_owners(void)
{
	struct owners *o = owners_new();
	struct nl_error err;
	struct nl_process p;

	if (!o)
		abort();
	if (owners_scan(o,
			&(struct owners_request){
				.facts = true, .fds = true, .tasks = true, .contexts = true },
			&err) == 0)
		for (size_t i = 0; nl_replay_process(i, &p); i++)
			for (size_t k = 0; k < p.ninodes; k++) {
				uint32_t inode = nl_process_inode(&p, k);

				for (size_t n = 0; inode && n < owners_count(o, inode); n++)
					touch_text(owners_holder(o, inode, n)->comm);
				read_uses(o, inode);
			}
	owners_free(o);
}

static void read_places(void)
{
	struct netns_list found;
	struct nl_error err;
	struct netns *ns;

	if (netns_list_read(&found, &err) != 0)
		abort();
	for (size_t i = 0; i < found.n; i++)
		if (netns_open_entry(&found.list[i], &ns, &err) == 0) {
			read_text("net/x", netns_fd(ns));
			netns_unref(ns);
		}
	netns_list_free(&found);
}

static void ask(const uint8_t *data, size_t size)
{
	static const unsigned char payload[16];
	struct nl_request req = { .type = 18, .payload = payload, .len = 16, .what = "rows" };
	_Alignas(8) unsigned char buf[256];
	const char *name = NULL;
	struct nl_error err;

	/* a request by numbers that may stand in it */
	for (size_t at = 0; at + 16 <= size && at < 256; at++) {
		uint32_t head[4];

		memcpy(head, data + at, sizeof(head));
		req.bus = (int)head[1];
		req.type = (uint16_t)head[2];
		req.key = head[3];
		read_dump(&req, head[0] ? -1 - (int)(head[0] & 0xff) : -1);
		if (nl_replay_name((enum nl_name)head[1], -1, head[2], &name) > 0)
			touch_text(name);
	}
	nl_get(&req, -1, buf, sizeof(buf), &err);
	read_text("net/x", -1);
	read_text("net/y", -2);
	touch_text(nl_replay_fact("time"));
	sink += (unsigned)nl_time() + (unsigned)nl_time_since_boot();
	sink += (unsigned)nl_replay_netns("blue") + (unsigned)nl_replay_netns_pid(5);
	read_owners();
	read_places();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool raw = size > 0 && data[0] == 255;
	struct nl_error err = { .code = 0 };
	struct file f = { .bytes = NULL };
	int rc;

	if (!raw)
		f = make(data, size);
	rc = raw ? nl_replay_memory(data + 1, size - 1, &err)
		 : nl_replay_memory(f.bytes, f.len, &err);
	if (rc == 0)
		ask(data, size);
	else if (err.code <= 0 || err.text[0] == '\0')
		abort();
	nl_replay_unload();
	free(f.bytes);
	return 0;
}
