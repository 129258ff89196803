# What is installed besides programs and manual pages: the users script, the unit and the rc scripts, empty folders.
dist_caronteexec_SCRIPTS = etc/users

systemdsystemunit_DATA = etc/systemd/caronte.service
initddir = $(sysconfdir)/init.d
initd_SCRIPTS = etc/init.d/caronte
openrcdir = $(docdir)/openrc
openrc_DATA = etc/openrc/caronte
substituted = etc/systemd/caronte.service etc/init.d/caronte etc/openrc/caronte
EXTRA_DIST += etc/systemd/caronte.service.in etc/init.d/caronte.in etc/openrc/caronte.in
CLEANFILES += $(substituted)

$(substituted): Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' \
	  -e 's|@statedir[@]|$(localstatedir)/lib/caronte|g' -e 's|@logdir[@]|$(localstatedir)/log/caronte|g' \
	  $(srcdir)/$@.in >$@.tmp && mv $@.tmp $@
etc/systemd/caronte.service: etc/systemd/caronte.service.in
etc/init.d/caronte: etc/init.d/caronte.in
etc/openrc/caronte: etc/openrc/caronte.in

# The sample becomes the configuration where there is none yet; what an administrator has is never touched.
EXTRA_DIST += etc/caronte.xml etc/lists/hell etc/lists/relay etc/lists/trusted etc/lists/white
CONFIGURATION_FILES = caronte.xml lists/hell lists/relay lists/trusted lists/white
localise = sed -e 's|"/var/lib/|"$(localstatedir)/lib/|' -e 's|"/var/log/|"$(localstatedir)/log/|'

# master gives an empty folder of root's to the worker that it belongs to.
install-data-hook:
	$(MKDIR_P) "$(DESTDIR)$(docdir)" && $(localise) "$(srcdir)/etc/caronte.xml" >"$(DESTDIR)$(docdir)/caronte.xml.sample"
	$(MKDIR_P) "$(DESTDIR)$(caronteconfdir)/lists"
	@for file in $(CONFIGURATION_FILES); do \
	  target="$(DESTDIR)$(caronteconfdir)/$$file"; \
	  test -e "$$target" || { $(localise) "$(srcdir)/etc/$$file" >"$$target" && chmod 640 "$$target"; } || exit 1; \
	done
	$(MKDIR_P) "$(DESTDIR)$(localstatedir)/lib/caronte" "$(DESTDIR)$(localstatedir)/log/caronte"

# A package creates the users in its own script (DESTDIR is set); root on a real machine gets them at once.
install-exec-hook:
	@if test -z "$(DESTDIR)" && test "`id -u`" -eq 0; then \
	  "$(DESTDIR)$(caronteexecdir)/users"; \
	else \
	  echo "caronte: run $(caronteexecdir)/users as root to create the users of the workers"; \
	fi

uninstall-hook:
	rm -f "$(DESTDIR)$(docdir)/caronte.xml.sample"
	@for file in $(CONFIGURATION_FILES); do \
	  target="$(DESTDIR)$(caronteconfdir)/$$file"; \
	  $(localise) "$(srcdir)/etc/$$file" | cmp -s - "$$target" && rm -f "$$target"; \
	done; true
	-rmdir "$(DESTDIR)$(caronteconfdir)/lists" "$(DESTDIR)$(caronteconfdir)" 2>/dev/null
	-rmdir "$(DESTDIR)$(localstatedir)/lib/caronte" "$(DESTDIR)$(localstatedir)/log/caronte" 2>/dev/null
