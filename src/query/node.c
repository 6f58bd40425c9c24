/* Owns trees of conditions. */
#include "connsh/query.h"

#include <stdio.h>
#include <stdlib.h>

struct node *node_new(enum node_kind kind)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->refs = 1;
	n->kind = kind;
	return n;
}

struct node *node_cond(struct cond *c)
{
	struct node *n = node_new(NODE_COND);

	if (!n) {
		cond_free(c);
		return NULL;
	}
	n->cond = *c;
	return n;
}

bool node_add(struct node *parent, struct node *kid)
{
	struct node **kids = realloc(parent->kids, (parent->n + 1) * sizeof(*kids));

	if (!kids) {
		node_unref(kid);
		return false;
	}
	parent->kids = kids;
	kids[parent->n++] = kid;
	return true;
}

struct node *node_ref(struct node *n)
{
	n->refs++;
	return n;
}

void node_unref(struct node *n)
{
	if (!n || --n->refs > 0)
		return;
	if (n->kind == NODE_COND)
		cond_free(&n->cond);
	for (size_t i = 0; i < n->n; i++)
		node_unref(n->kids[i]);
	free(n->kids);
	free(n);
}

bool node_match(const struct node *n, const struct row *row)
{
	switch (n->kind) {
	case NODE_COND:
		return cond_match(&n->cond, row);
	case NODE_NOT:
		return !node_match(n->kids[0], row);
	case NODE_AND:
		for (size_t i = 0; i < n->n; i++)
			if (!node_match(n->kids[i], row))
				return false;
		return true;
	case NODE_KERNEL:
		return true;
	case NODE_OR:
		break;
	}
	for (size_t i = 0; i < n->n; i++)
		if (node_match(n->kids[i], row))
			return true;
	return false;
}

enum tri node_tri(const struct node *n, enum tri (*leaf)(const struct cond *c, const void *arg),
		  const void *arg)
{
	enum tri all = TRI_YES, any = TRI_NO;

	if (n->kind == NODE_COND)
		return leaf(&n->cond, arg);
	if (n->kind == NODE_KERNEL)
		return TRI_UNKNOWN;
	for (size_t i = 0; i < n->n; i++) {
		enum tri kid = node_tri(n->kids[i], leaf, arg);

		all = kid < all ? kid : all;
		any = kid > any ? kid : any;
	}
	if (n->kind == NODE_NOT)
		return TRI_YES - any;
	return n->kind == NODE_AND ? all : any;
}

static void print(FILE *out, const struct node *n, bool inside)
{
	bool brackets = inside && n->n > 1;
	char buf[200];

	if (n->kind == NODE_COND) {
		cond_text(&n->cond, buf, sizeof(buf));
		fputs(buf, out);
		return;
	}
	if (n->kind == NODE_NOT)
		fputs("not ", out);
	else if (n->kind == NODE_KERNEL)
		fputs("kernel ", out);
	else if (n->n == 0)
		fputs(n->kind == NODE_AND ? "true" : "false", out);
	fputs(brackets ? "(" : "", out);
	for (size_t i = 0; i < n->n; i++) {
		if (i)
			fputs(n->kind == NODE_AND ? " and " : " or ", out);
		print(out, n->kids[i], true);
	}
	fputs(brackets ? ")" : "", out);
}

char *node_text(const struct node *n)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	print(out, n, false);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}
