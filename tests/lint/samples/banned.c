/* sprintf(in a comment) */
void f(struct handle *handle)
{
	char text[20] = "strcpy(in a string)";
	handle->system(1);
	vtable.free(2);
	my_strcpy(text);
	localtime_r(NULL, NULL);

	strcpy(text, "x");
	sprintf (text, "100%% of %d", 1);
	gmtime(NULL);
	strtod("1.5", NULL);
	snprintf(text, sizeof(text), "%.3f", 1.5);
	free(malloc(1));
	abort();
	getenv("HOME");
}
