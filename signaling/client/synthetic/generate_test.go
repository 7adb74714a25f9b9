package synthetic

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

var generate = flag.Bool("generate", false, "make the clips anew with ffmpeg")

// TestGenerateClips makes the files that clips.go embeds: `go test ./signaling/client/synthetic -run Generate -generate`.
// It needs an ffmpeg with libx264, libx265, libvpx, libaom and libopus.
func TestGenerateClips(t *testing.T) {
	if !*generate {
		t.Skip("only with -generate")
	}
	dir := t.TempDir()
	const frames = 30
	video := func(colour string, args ...string) []byte {
		out := filepath.Join(dir, "clip")
		in := fmt.Sprintf("color=c=%s:s=320x180:r=30,format=yuv420p", colour)
		args = append([]string{"-y", "-f", "lavfi", "-i", in, "-frames:v", fmt.Sprint(frames)}, args...)
		run(t, append(args, out)...)
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	save := func(name string, b []byte) {
		t.Logf("%s: %d bytes", name, len(b))
		if err := os.WriteFile(filepath.Join("clips", name), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	save("vp9.ivf", video("blue", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-lag-in-frames", "0", "-g", "30",
		"-auto-alt-ref", "0", "-b:v", "100k", "-f", "ivf"))
	save("av1.ivf", video("magenta", "-c:v", "libaom-av1", "-usage", "realtime", "-cpu-used", "8", "-lag-in-frames", "0",
		"-g", "30", "-b:v", "100k", "-f", "ivf"))
	h264 := video("yellow", "-c:v", "libx264", "-profile:v", "baseline", "-level", "3.1", "-bf", "0",
		"-x264-params", "keyint=30:min-keyint=30:scenecut=0:aud=1:sliced-threads=0", "-tune", "zerolatency", "-f", "h264")
	saveUnits := func(name, fourCC string, file, delimiter []byte) { // each picture begins with an access unit delimiter
		units := bytes.Split(file, delimiter)[1:]
		ivf := AppendIVFHeader(nil, fourCC, 320, 180, 30, len(units))
		for i, u := range units {
			ivf = AppendIVFFrame(ivf, i, slices.Concat(delimiter, u))
		}
		save(name, ivf)
	}
	saveUnits("h264.ivf", "H264", h264, []byte{0, 0, 0, 1, 9})
	h265 := video("cyan", "-c:v", "libx265", "-preset", "ultrafast", "-tune", "zerolatency", "-x265-params",
		"log-level=none:keyint=30:min-keyint=30:scenecut=0:bframes=0:aud=1:info=0:repeat-headers=1", "-f", "hevc")
	saveUnits("h265.ivf", "H265", h265, []byte{0, 0, 0, 1, 0x46, 1})

	for _, hz := range tones {
		out := filepath.Join(dir, "tone.ogg")
		// 0.2 of full scale is -14 dBov, about as loud as speech.
		in := fmt.Sprintf("aevalsrc=0.28*sin(2*PI*%d*t):s=48000:d=1.3", hz)
		run(t, "-y", "-f", "lavfi", "-i", in, "-c:a", "libopus", "-b:a", "16k", "-vbr", "off", "-frame_duration", "20", out)
		ogg, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		packets, err := oggPackets(ogg)
		if err != nil {
			t.Fatal(err)
		}
		packets = packets[2+10:][:50] // without the two headers and the encoder's start: one second
		ivf := AppendIVFHeader(nil, "OPUS", 0, 0, 50, len(packets))
		for i, p := range packets {
			ivf = AppendIVFFrame(ivf, i, p)
		}
		save(fmt.Sprintf("tone%d.ivf", hz), ivf)
	}
}

func run(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command("ffmpeg", append([]string{"-hide_banner", "-loglevel", "error"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// oggPackets takes an Ogg file apart (RFC 3533).
func oggPackets(file []byte) (packets [][]byte, err error) {
	var packet []byte
	for len(file) > 0 {
		if len(file) < 27 || string(file[:4]) != "OggS" || len(file) < 27+int(file[26]) {
			return nil, errors.New("not an Ogg page")
		}
		lacing := file[27 : 27+int(file[26])]
		file = file[27+len(lacing):]
		for _, n := range lacing {
			packet = append(packet, file[:n]...)
			file = file[n:]
			if n < 255 {
				packets, packet = append(packets, packet), nil
			}
		}
	}
	return packets, nil
}
