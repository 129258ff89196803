# Manual pages, installed and in the tarball; one line a page.
dist_man_MANS += man/smtpd-proxy.8
