# Compiler and linker flags: warnings, hardening (on by default), sanitizers.

AC_ARG_ENABLE([hardening], [AS_HELP_STRING([--disable-hardening], [leave the hardening flags out])], [], [enable_hardening=yes])
AC_ARG_ENABLE([sanitizers], [AS_HELP_STRING([--enable-sanitizers], [build with AddressSanitizer and UndefinedBehaviorSanitizer])],
  [], [enable_sanitizers=no])
AC_ARG_ENABLE([sandbox], [AS_HELP_STRING([--disable-sandbox], [build workers that run without a sandbox (never for production)])],
  [], [enable_sandbox=yes])
AC_ARG_ENABLE([werror], [AS_HELP_STRING([--enable-werror], [make every warning an error])], [], [enable_werror=no])

CARONTE_CXXFLAGS="-std=c++20"
CARONTE_LDFLAGS=""

AC_DEFUN([CARONTE_COMPILE_FLAG], [AX_CHECK_COMPILE_FLAG([$1], [CARONTE_CXXFLAGS="$CARONTE_CXXFLAGS $1"], [], [-Werror])])
AC_DEFUN([CARONTE_LINK_FLAG], [AX_CHECK_LINK_FLAG([$1], [CARONTE_LDFLAGS="$CARONTE_LDFLAGS $1"])])

m4_foreach_w([flag], [-Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wimplicit-fallthrough -Wdate-time
  -fno-delete-null-pointer-checks -fno-strict-aliasing], [CARONTE_COMPILE_FLAG(m4_quote(flag))])
AX_CHECK_COMPILE_FLAG([-Wformat -Werror=format-security], [CARONTE_CXXFLAGS="$CARONTE_CXXFLAGS -Werror=format-security"])
AS_IF([test "$enable_werror" = yes], [CARONTE_CXXFLAGS="$CARONTE_CXXFLAGS -Werror"])

AS_IF([test "$enable_hardening" = yes], [
  m4_foreach_w([flag], [-fPIE -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
    -fzero-call-used-regs=used-gpr -D_GLIBCXX_ASSERTIONS], [CARONTE_COMPILE_FLAG(m4_quote(flag))])
  AS_IF([test "$enable_sanitizers" = no], [
    AX_CHECK_COMPILE_FLAG([-O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3],
      [CARONTE_CXXFLAGS="$CARONTE_CXXFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3"],
      [CARONTE_CXXFLAGS="$CARONTE_CXXFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"], [-Werror])
    AX_CHECK_COMPILE_FLAG([-fsanitize=signed-integer-overflow,bounds,shift,integer-divide-by-zero,return,unreachable,vla-bound -fsanitize-undefined-trap-on-error],
      [CARONTE_CXXFLAGS="$CARONTE_CXXFLAGS -fsanitize=signed-integer-overflow,bounds,shift,integer-divide-by-zero,return,unreachable,vla-bound -fsanitize-undefined-trap-on-error"])
  ])
  m4_foreach_w([flag], [-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code -Wl,--as-needed],
    [CARONTE_LINK_FLAG(m4_quote(flag))])
  AS_IF([test "$enable_sanitizers" = no], [CARONTE_LINK_FLAG([-Wl,-z,defs])])
  AS_CASE([$CARONTE_LDFLAGS], [*-pie*relro*now*], [], [AC_MSG_ERROR([this linker cannot make a full RELRO PIE; --disable-hardening builds without])])
])

AS_IF([test "$enable_sanitizers" = yes], [
  # vptr asks the kernel, by a pipe, whether memory can be read: inside a sandbox every object of a new type would fail.
  CARONTE_CXXFLAGS="$CARONTE_CXXFLAGS -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer"
  CARONTE_LDFLAGS="$CARONTE_LDFLAGS -fsanitize=address,undefined"
  AC_DEFINE([CARONTE_SANITIZERS], [1], [Built with sanitizers: they need system calls of their own])
])
AS_IF([test "$enable_sandbox" = no], [
  AC_MSG_WARN([the workers of this build run WITHOUT a sandbox])
  AC_DEFINE([CARONTE_WITHOUT_SANDBOX], [1], [Workers run without a sandbox])
])
AM_CONDITIONAL([SANITIZERS], [test "$enable_sanitizers" = yes])

AC_SUBST([CARONTE_CXXFLAGS])
AC_SUBST([CARONTE_LDFLAGS])
