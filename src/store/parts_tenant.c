/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parts_tenant.c - gives a tenant the same stream on all devices of a store.
 *
 * The first part that is there decides, and the others are told. If that is interrupted, some have
 * the row and others lack it: parts_equal.c repairs that at the next open.
 * Any thread; each table belongs to the loop of its part.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <weir/tenant.h>

#include "base/error.h"
#include "base/opts.h"
#include "store/parts.h"
#include "store/tenants.h"

/* Tells all parts but the first one that they must have ASK's row. */
static int parts_tell(struct weir_store *s, const struct tenant_question *answer)
{
	struct weir_store *part;
	uint32_t n;
	int err = 0;

	PARTS_FOREACH(s, part, n)
	{
		struct tenant_question ask = *answer;

		if (part == s || err)
			continue;
		ask.wanted = answer->stream;
		err = wait_inner(part, &ask.inner);
		/* A device that has failed does not keep the others from going on. */
		if (err == -EROFS || err == -EIO || err == -ENODEV)
			err = 0;
	}
	return err;
}

static int parts_add_tenant(struct weir_store *s, struct tenant_question *ask)
{
	int err = wait_inner(s, &ask->inner);

	if (err || !s->parts || s->io.read_only)
		return err;
	return parts_tell(s, ask);
}

int weir_store_add_tenant(struct weir_store *s, const char *tenant, uint32_t *stream)
{
	const char *path = weir_device_path(weir_queue_device(s->io.q));
	size_t length = strnlen(tenant, WEIR_TENANT_NAME_MAX + 1);
	struct tenant_question ask = { .inner = { tenant_run },
				       .name = tenant,
				       .length = (uint32_t)length,
				       .wanted = TENANT_ANY_STREAM };
	uint64_t hash[2];
	int err = wait_allowed(s);

	if (err)
		return err;
	if (!length || length > WEIR_TENANT_NAME_MAX)
		return error_set(-EINVAL, "%s: a tenant's name has 1 to %u bytes", path,
				 WEIR_TENANT_NAME_MAX);
	checksum_identity(&s->io.key, tenant, length, hash);
	ask.id = hash[0];
	err = parts_add_tenant(s, &ask);
	if (err == -EROFS && s->io.read_only)
		return error_set(err, "%s: has no tenant \"%s\", and was opened read-only", path,
				 tenant);
	if (err == -ENAMETOOLONG)
		return error_set(err, "%s: a name of %zu bytes: a new tenant's has at most %u",
				 path, length, DISK_NAME_BYTES);
	if (err)
		return error_sys(err, "%s: cannot add the tenant", path);
	*stream = ask.stream;
	return ask.created;
}

static int parts_share_set(struct weir_store *part, const struct parts_setting *setting,
			   const struct parts_value *value)
{
	struct share_question ask = {
		{ tenant_run_share }, setting->stream, (uint32_t)value->first, true
	};

	return wait_inner(part, &ask.inner);
}

/* A device may lack the stream, because it had failed when the tenant was added: a share that one
 * device knows is set on all. */
static void parts_share_note(struct weir_store *s, struct parts_setting *setting,
			     struct parts_value *value)
{
	if (setting->stream >= s->io.super.streams)
		return;
	value->first = le32toh(s->io.super.stream[setting->stream].share);
	setting->unknown = false;
}

int weir_store_set_share(struct weir_store *s, uint32_t stream, uint32_t percent)
{
	struct parts_setting setting = { .note = parts_share_note,
					 .set = parts_share_set,
					 .value.first = percent,
					 .stream = stream,
					 .unknown = true };
	const char *path = weir_device_path(weir_queue_device(s->io.q));
	char what[48];
	int err = wait_allowed(s);

	if (err)
		return err;
	if (percent > 100)
		return error_set(-EINVAL, "%s: a share of %u %%: it is at most 100 %%", path,
				 percent);
	snprintf(what, sizeof(what), "the share of stream %u", stream);
	err = parts_setting_change(s, &setting, what);
	if (err == -ENOENT && setting.unknown)
		return error_set(err, "%s: no stream %u: a share is a stream's", path, stream);
	return err;
}

struct row_question {
	uint32_t n;
	struct weir_store_tenant *info;
};

static int tenant_give_row(struct weir_store *s, void *user)
{
	const struct row_question *ask = user;

	if (ask->n >= s->io.super.tenants)
		return -ENOENT;
	memset(ask->info, 0, sizeof(*ask->info));
	ask->info->size = sizeof(*ask->info);
	ask->info->stream = le32toh(s->io.super.tenant[ask->n].stream);
	memcpy(ask->info->name, s->io.super.name[ask->n], DISK_NAME_BYTES);
	ask->info->name_len = (uint32_t)strnlen(ask->info->name, DISK_NAME_BYTES);
	return 0;
}

int weir_store_get_tenant(struct weir_store *s, uint32_t n, struct weir_store_tenant *info)
{
	struct weir_store_tenant all;
	struct row_question ask = { n, &all };
	int err = wait_call(s, tenant_give_row, &ask);

	if (err == -ENOENT)
		return error_set(err, "no tenant in row %u: the store's table has %u rows", n,
				 __atomic_load_n(&s->io.super.tenants, __ATOMIC_RELAXED));
	return err ? err : opts_give(info, OPTS_SIZE(info), &all, sizeof(all));
}
