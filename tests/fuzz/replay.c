/* SPDX-License-Identifier: BSD-2-Clause */
/* replay.c - runs a fuzz target with each file of its corpus, as a TAP test.
 *
 * The corpus is $srcdir/tests/fuzz/corpus/NAME for a program fuzz_NAME. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 1 << 20 };

static int replay(const char *path)
{
	/* Allocated with the exact size, so that a sanitizer catches a read of even one
	 * byte past the end. */
	uint8_t *all = malloc(INPUT_MAX);
	uint8_t *data = NULL;
	size_t size = 0;
	FILE *file = fopen(path, "rb");

	if (file && all) {
		size = fread(all, 1, INPUT_MAX, file);
		data = malloc(size ? size : 1);
	}
	if (data) {
		memcpy(data, all, size);
		LLVMFuzzerTestOneInput(data, size);
	}
	if (file)
		fclose(file);
	free(all);
	free(data);
	return data ? 0 : -1;
}

int main(int argc, char **argv)
{
	const char *name = strstr(argv[0], "fuzz_");
	const char *srcdir = getenv("srcdir");
	char dir[4096];
	char path[8192];
	struct dirent *entry;
	DIR *corpus;
	int n = 0;

	(void)argc;
	if (!name)
		return 99;
	snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/%s",
	         srcdir ? srcdir : ".", name + strlen("fuzz_"));
	corpus = opendir(dir);
	while (corpus && (entry = readdir(corpus))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name);
		printf("%s %d - %s\n", replay(path) == 0 ? "ok" : "not ok", ++n,
		       entry->d_name);
	}
	if (corpus)
		closedir(corpus);
	if (n == 0)
		printf("not ok 1 - %s has a corpus\n1..1\n", dir);
	else
		printf("1..%d\n", n);
	return 0;
}
