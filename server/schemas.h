#pragma once

/*
 * The schemas of the document, by the names that routes give in their answers.
 */

struct schema {
	const char *name;
	const char *json; /* JSON Schema 2020-12 */
};

/* The n-th; NULL past the last. */
const struct schema *schema_at(int n);
