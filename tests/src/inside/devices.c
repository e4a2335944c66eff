/* Prints the path and the number of every device that libudev enumerates, sorted as it sorts them; with an
 * argument, those of that subsystem. Exits with 1 if one of them cannot be opened as a device. */
#include <libudev.h>
#include <stdio.h>
#include <sys/sysmacros.h>

int main(int argc, char **argv)
{
	struct udev *udev = udev_new();
	struct udev_enumerate *all = udev_enumerate_new(udev);
	struct udev_list_entry *entry;
	int lost = 0;

	if (argc > 1)
		udev_enumerate_add_match_subsystem(all, argv[1]);
	if (udev_enumerate_scan_devices(all) < 0)
		return 2;
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(all)) {
		const char *path = udev_list_entry_get_name(entry);
		struct udev_device *device = udev_device_new_from_syspath(udev, path);

		if (!device) {
			fprintf(stderr, "%s is no device\n", path);
			lost = 1;
			continue;
		}
		printf("%s %d:%d\n", path, (int)major(udev_device_get_devnum(device)),
		       (int)minor(udev_device_get_devnum(device)));
		udev_device_unref(device);
	}
	udev_enumerate_unref(all);
	udev_unref(udev);
	return lost;
}
