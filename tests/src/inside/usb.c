/* Prints what libusb answers to its start, 0 or an error, and how many devices there are. */
#include <libusb-1.0/libusb.h>
#include <stdio.h>

int main(void)
{
	libusb_context *context = NULL;
	libusb_device **list = NULL;
	int started = libusb_init(&context);
	long count = started < 0 ? -1 : (long)libusb_get_device_list(context, &list);

	printf("%d %ld\n", started, count);
	if (count >= 0)
		libusb_free_device_list(list, 1);
	if (started >= 0)
		libusb_exit(context);
	return 0;
}
