// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "store.h"

/* Every store begins with its struct store, and has nothing left once stopped. */
void store_free(struct store *store)
{
	if (!store)
		return;
	store->ops->stop(store);
	free(store);
}
