# Manual pages, installed and in the tarball; one line a page.
dist_man_MANS += man/caronted.8
dist_man_MANS += man/smtpd-proxy.8
dist_man_MANS += man/policyd.8
dist_man_MANS += man/dnsd.8
dist_man_MANS += man/caronte.xml.5
dist_man_MANS += man/logd.8
dist_man_MANS += man/carontectl.8
dist_man_MANS += man/caronte-log.5
