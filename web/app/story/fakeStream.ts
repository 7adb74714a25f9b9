import { nameHue } from '../src/names/avatar.ts';

/** Draws somebody who sways a little, so that a story has moving pictures without a camera. */
export function fakeCamera(name: string): MediaStream {
  const hue = nameHue(name);
  return draw(640, 360, 12, (context, seconds) => {
    const sway = Math.sin(seconds + hue) * 8;
    const wall = context.createLinearGradient(0, 0, 640, 360);
    wall.addColorStop(0, `hsl(${hue} 25% 78%)`);
    wall.addColorStop(1, `hsl(${(hue + 40) % 360} 22% 58%)`);
    context.fillStyle = wall;
    context.fillRect(0, 0, 640, 360);
    context.fillStyle = `hsl(${(hue + 180) % 360} 30% 38%)`;
    ellipse(context, 320 + sway / 2, 400, 165, 150);
    context.fillStyle = `hsl(${20 + (hue % 20)} 38% ${45 + (hue % 30)}%)`;
    ellipse(context, 320 + sway, 175, 68, 84);
    context.fillStyle = `hsl(${hue % 40} 30% 18%)`;
    ellipse(context, 320 + sway, 118, 74, 46);
  });
}

/** Draws a page of text, as somebody would share. */
export function fakeScreen(): MediaStream {
  return draw(1280, 720, 2, (context, seconds) => {
    context.fillStyle = '#fbfbf8';
    context.fillRect(0, 0, 1280, 720);
    context.fillStyle = '#22313a';
    context.fillRect(0, 0, 1280, 64);
    context.font = '600 40px sans-serif';
    context.fillText('Plan for the week', 90, 150);
    context.font = '26px sans-serif';
    for (let line = 0; line < 11; line++) {
      context.fillStyle = line === Math.floor(seconds) % 11 ? '#1c6b52' : '#444';
      context.fillText(
        `${line + 1}.  The quick brown fox jumps over the lazy dog, again and again`,
        90,
        210 + line * 44,
      );
    }
  });
}

function ellipse(context: CanvasRenderingContext2D, x: number, y: number, rx: number, ry: number): void {
  context.beginPath();
  context.ellipse(x, y, rx, ry, 0, 0, 2 * Math.PI);
  context.fill();
}

type Painter = (context: CanvasRenderingContext2D, seconds: number) => void;

function draw(width: number, height: number, framesPerSecond: number, paint: Painter): MediaStream {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  if (context === null) return new MediaStream();
  const frame = (): void => {
    paint(context, performance.now() / 1000);
  };
  frame();
  setInterval(frame, 1000 / framesPerSecond);
  return canvas.captureStream(framesPerSecond);
}
