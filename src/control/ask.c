/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask.c - answers of one part, structs, and listings. See client.h.
 */
#include <errno.h>
#include <string.h>

#include "control/client.h"

int control_ask_one(struct control_client *cl, uint32_t kind, const void *body, size_t length,
		    void *buf, size_t size, size_t *got)
{
	char end[CONTROL_END_MAX];
	size_t more;
	int err = control_ask(cl, kind, body, length);

	if (!err)
		err = control_next(cl, buf, size, got);
	if (!err)
		return control_odd(cl);
	if (err < 0)
		return err;
	err = control_next(cl, end, sizeof(end), &more);
	return err > 0 ? control_odd(cl) : err;
}

int control_take_struct(const struct control_client *cl, const void *buf, size_t got, void *out,
			size_t size, size_t *rest)
{
	size_t its;

	if (got < sizeof(its))
		return control_odd(cl);
	memcpy(&its, buf, sizeof(its));
	if (its < sizeof(its) || its > got)
		return control_odd(cl);
	*rest = its;
	if (its > size)
		its = size;
	memcpy((char *)out + sizeof(its), (const char *)buf + sizeof(its), its - sizeof(its));
	memcpy(out, &its, sizeof(its));
	return 0;
}

int control_take_entry(const struct control_client *cl, const void *buf, size_t got, size_t *at,
		       struct control_entry *entry, const void **key)
{
	if (*at >= got)
		return 0;
	if (got - *at < sizeof(*entry))
		return control_odd(cl);
	memcpy(entry, (const char *)buf + *at, sizeof(*entry));
	*at += sizeof(*entry);
	if (entry->key_len > got - *at)
		return control_odd(cl);
	*key = (const char *)buf + *at;
	*at += entry->key_len;
	return 1;
}
