# dnsd: nothing yet
