# policyd: nothing yet
