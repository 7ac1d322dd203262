/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nvme_ask.c - asks an NVMe drive for its namespace and controller, and puts refusals into words.
 */
#include <errno.h>
#include <libnvme.h>

#include "base/error.h"
#include "device/state.h"

int device_nvme_refused(const struct weir_device *dev, const char *what, int ret)
{
	int err = ret < 0 ? -errno : -EIO;

	if (ret > 0)
		return error_set(err, "%s: %s: %s", dev->path, what,
				 nvme_status_to_string(ret, false));
	if (err == -EACCES || err == -EPERM)
		return error_sys(
			err,
			"%s: %s (it takes root, or CAP_SYS_ADMIN; what the drive is may be "
			"asked without since Linux 6.2)",
			dev->path, what);
	return error_sys(err, "%s: %s", dev->path, what);
}

int device_nvme_identify(struct weir_device *dev, uint32_t *nsid, struct nvme_id_ns *ns,
			 struct nvme_id_ctrl *ctrl)
{
	int err = nvme_get_nsid(dev->fd, nsid);

	if (err < 0 && (errno == ENOTTY || errno == EINVAL))
		return error_set(-ENOTSUP, "%s: not an NVMe namespace, whatever its name",
				 dev->path);
	if (err)
		return device_nvme_refused(dev, "cannot ask for its namespace id", err);
	err = nvme_identify_ns(dev->fd, *nsid, ns);
	if (err)
		return device_nvme_refused(dev, "cannot identify the namespace", err);
	err = nvme_identify_ctrl(dev->fd, ctrl);
	return err ? device_nvme_refused(dev, "cannot identify the controller", err) : 0;
}
