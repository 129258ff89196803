# carontectl: nothing yet
