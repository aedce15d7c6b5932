#include <spawnx.h>
#include <stdio.h>

int main(void)
{
	static const char *const grade[] = {"absent", "weak", "exact", "native"};
	const char *name;
	unsigned int id;

	for (id = 0; (name = spawnx_feature_name(id)) != NULL; id++)
		printf("%-16s %s\n", name, grade[spawnx_feature(id)]);
	return 0;
}
