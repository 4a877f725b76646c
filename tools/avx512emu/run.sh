#!/bin/sh
# run.sh runs Go tests on an emulated processor with AVX-512, for machines that have
# none. It builds the test binaries without cgo, boots them in Bochs under a Debian
# kernel, prints what they print and exits 0 if all passed, 1 if one failed, 2 if the
# machine could not be built, booted or finished.
#
#   tools/avx512emu/run.sh ./cpu/gemm ./cpu/vec -test.short -test.run='Float32|Float64'
#
# Arguments that begin with -test. go to the test binaries; they hold no blanks. The
# others are packages of the module in the current folder. No go command, source file
# or network exists in the guest; a package's testdata folder does.
#
# Booting takes about 20 s and code runs a hundred times slower or worse, on one
# processor: choose tests with -test.run. The times the guest prints are not real.
#
#   KERNEL     kernel image             (default: the newest /boot/vmlinuz-*-amd64)
#   CPU_MODEL  a name of bochs -help cpu (default: corei7_skylake_x)
#   MEMORY     guest memory in MiB       (default: 1024)
#   TIMEOUT    limit in host seconds     (default: 1800)
#   BUILDFLAGS flags for go test -c      (default: none)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
die() { echo "avx512emu: $*" >&2; exit 2; }

packages= flags=
for arg; do
	case $arg in
	*[[:space:]]*) die "argument '$arg' holds a blank; write it without" ;;
	-test.*) flags="$flags$arg
" ;;
	-*) die "unknown flag $arg: test flags begin with -test." ;;
	*) packages="$packages $arg" ;;
	esac
done
[ -n "$packages" ] || die "no package given: run.sh PACKAGE... [-test.FLAG...]"

isolinux=/usr/lib/ISOLINUX/isolinux.bin
ldlinux=/usr/lib/syslinux/modules/bios/ldlinux.c32
bios=/usr/share/bochs/BIOS-bochs-latest
vgabios=/usr/share/bochs/VGABIOS-lgpl-latest
term=/usr/lib/x86_64-linux-gnu/bochs/plugins/libbx_term_gui.so
need=
for pair in bochs:/usr/bin/bochs bochs-term:$term bochsbios:$bios bochsbios:$vgabios \
	isolinux:$isolinux syslinux-common:$ldlinux xorriso:/usr/bin/xorriso \
	cpio:/usr/bin/cpio bsdutils:/usr/bin/script; do
	[ -e "${pair#*:}" ] || need="$need ${pair%%:*}"
done
[ -z "$need" ] || die "missing files; install the Debian packages:$need"
TIMEOUT=${TIMEOUT:-1800}
KERNEL=${KERNEL:-$(ls /boot/vmlinuz-*-amd64 2>/dev/null | sort -V | tail -n 1)}
[ -r "${KERNEL:-}" ] || die "no kernel image: set KERNEL to the boot/vmlinuz-* file of an" \
	"unpacked linux-image-*-cloud-amd64 (apt-get download, dpkg-deb -x; no need to install it)"

work=$(mktemp -d)
emulator=
cleanup() {
	[ -z "$emulator" ] || kill "$emulator" 2>/dev/null || :
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 2' INT TERM HUP

export CGO_ENABLED=0 GOOS=linux GOARCH=amd64
tree=$work/tree
mkdir -p "$tree/tests" "$work/iso"
go -C "$here" build -trimpath -ldflags='-s -w' -o "$tree/init" . || die "building init failed"
printf %s "$flags" >"$tree/tests/args"
list=$(go list -f '{{.ImportPath}} {{.Dir}}' $packages) || die "go list$packages failed"
n=100
while read -r path dir; do
	to=$tree/tests/$n
	mkdir "$to"
	go test -c ${BUILDFLAGS:-} -o "$to/test" "$path" || die "building the tests of $path failed"
	if [ ! -e "$to/test" ]; then
		rm -r "$to"
		continue
	fi
	echo "$path" >"$to/name"
	[ ! -d "$dir/testdata" ] || cp -r "$dir/testdata" "$to/"
	# purego links dynamically even without cgo: take the loader and libraries along.
	if libraries=$(ldd "$to/test" 2>/dev/null); then
		for library in $(echo "$libraries" | grep -o '/[^ ]*'); do
			mkdir -p "$tree$(dirname "$library")"
			cp -L "$library" "$tree$library"
		done
	fi
	n=$((n + 1))
done <<END
$list
END
(cd "$tree" && find . | cpio -o -H newc --quiet) >"$work/iso/initrd"
cp "$KERNEL" "$work/iso/vmlinuz"
cp "$isolinux" "$ldlinux" "$work/iso/"
# nokaslr, mitigations=off, lpj and cryptomgr.notests save emulated instructions.
# clearcpuid hides XSAVEC and XSAVES from the kernel: Bochs 2.7 reports a compacted
# save area of the wrong size, upon which Linux gives up AVX altogether. panic=-1 and
# reboot=t turn a kernel panic into a triple fault, which ends the emulator.
cat >"$work/iso/isolinux.cfg" <<END
default linux
prompt 0
label linux
kernel vmlinuz
append initrd=initrd console=ttyS0,115200 quiet loglevel=3 nokaslr mitigations=off clearcpuid=321,323 cryptomgr.notests lpj=400000 random.trust_cpu=on panic=-1 reboot=t
END
xorriso -as mkisofs -quiet -o "$work/boot.iso" -b isolinux.bin -c boot.cat \
	-no-emul-boot -boot-load-size 4 -boot-info-table "$work/iso" 2>"$work/xorriso.log" ||
	die "making the boot image failed: $(cat "$work/xorriso.log")"

cat >"$work/bochsrc" <<END
display_library: term
cpu: model=${CPU_MODEL:-corei7_skylake_x}, count=1, ips=100000000, reset_on_triple_fault=0
clock: sync=none
memory: guest=${MEMORY:-1024}, host=${MEMORY:-1024}
romimage: file=$bios
vgaromimage: file=$vgabios
pci: enabled=1, chipset=i440fx
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata0-master: type=cdrom, path=$work/boot.iso, status=inserted
boot: cdrom
plugin_ctrl: speaker=0, gameport=0, parallel=0
usb_uhci: enabled=0
com1: enabled=1, mode=file, dev=$work/serial
log: $work/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
END
: >"$work/serial"
# Debian builds Bochs with its debugger, which waits for the command to continue.
echo c >"$work/start"
# The display library writes to a terminal, so script lends one and drops its output.
TERM=vt100 timeout "$TIMEOUT" \
	script -qec "bochs -q -f '$work/bochsrc' -rc '$work/start'" /dev/null >/dev/null 2>&1 </dev/null &
emulator=$!
tail -n +1 -s 0.2 -f --pid="$emulator" "$work/serial" | sed -u 's/\r//g'
status=0
wait "$emulator" || status=$? # powering off ends Bochs with a status of its own
emulator=

finished=$(sed -n 's/\r//; s/^avx512emu: finished, \([0-9]*\) failed$/\1/p' "$work/serial")
case $finished in
0) exit 0 ;;
'')
	[ "$status" -ne 124 ] || die "TIMEOUT of $TIMEOUT s passed before the tests ended"
	grep -h '>>PANIC<<' "$work/bochs.log" >&2 || :
	die "the emulated machine stopped before the tests ended (is MEMORY too small?)"
	;;
*) exit 1 ;;
esac
