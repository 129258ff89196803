# Manual pages, installed and in the tarball; one line a page.
dist_man_MANS += man/caronted.8
dist_man_MANS += man/smtpd-proxy.8
dist_man_MANS += man/policyd.8
dist_man_MANS += man/dnsd.8
dist_man_MANS += man/caronte.xml.5
