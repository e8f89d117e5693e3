/** The errno numbers that this package tells apart: asm-generic/errno.h, the same wherever Node runs on Linux. */
export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EBUSY = 16;
export const EEXIST = 17;
export const EINVAL = 22;
export const EFBIG = 27;
export const ENOSPC = 28;
export const EPIPE = 32;
export const ETIME = 62;
export const EMSGSIZE = 90;
export const EPROTONOSUPPORT = 93;
export const EOPNOTSUPP = 95;
export const EAFNOSUPPORT = 97;
export const ENOBUFS = 105;
/** linux/errno.h: the kernel's own, but netfilter lets it out. */
export const ENOTSUPP = 524;
