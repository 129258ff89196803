# logd: nothing yet
