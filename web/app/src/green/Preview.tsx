import { Mic, MicOff, SwitchCamera, Video, VideoOff } from 'lucide-react';
import { type ReactNode, useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useStore } from '../call/hooks.ts';
import { permission } from '../devices/capture.ts';
import { FailureText } from '../devices/FailureText.tsx';
import type { LocalMedia } from '../devices/localMedia.ts';
import { useLevel } from '../devices/useLevel.ts';
import { Avatar } from '../ui/Avatar.tsx';
import { IconButton, IconToggle } from '../ui/Controls.tsx';
import { TrackVideo } from '../ui/TrackVideo.tsx';
import { InsecureText } from './InsecureText.tsx';
import { canFlip } from '../devices/canFlip.ts';

/** How others will see you, with the two switches that matter most. */
export function Preview({ media, name }: { readonly media: LocalMedia; readonly name: string }): ReactNode {
  const { t } = useTranslation();
  const { microphone, camera, facing, devices } = useStore(media);
  const level = useLevel<HTMLDivElement>(microphone.wanted ? microphone.track : undefined);
  const isStarting = microphone.starting || camera.starting;
  const willAsk = useWillAsk();
  const isInsecure = microphone.failure === 'insecure' || camera.failure === 'insecure';
  return (
    <section className="preview" aria-label={t('green.preview')}>
      <div className="preview-picture" data-testid="self-view">
        {camera.track !== undefined && camera.wanted ? (
          <TrackVideo track={camera.track} isMirrored={facing !== 'environment'} />
        ) : (
          <div className="preview-empty">
            <Avatar name={name} />
            <p>{!isStarting ? t('green.cameraOff') : willAsk ? t('green.asking') : t('green.starting')}</p>
          </div>
        )}
        <div className="preview-controls">
          <IconToggle
            on={Mic}
            off={MicOff}
            label={t('device.microphone')}
            isSelected={microphone.wanted && microphone.failure === undefined}
            onChange={(on) => {
              void (on && microphone.failure !== undefined ? media.retry('microphone') : media.set('microphone', on));
            }}
            className="icon-button-glass"
            testId="mic"
          />
          <IconToggle
            on={Video}
            off={VideoOff}
            label={t('device.camera')}
            isSelected={camera.wanted && camera.failure === undefined}
            onChange={(on) => {
              void (on && camera.failure !== undefined ? media.retry('camera') : media.set('camera', on));
            }}
            className="icon-button-glass"
            testId="camera"
          />
          {camera.track !== undefined && canFlip(devices) && (
            <IconButton
              icon={SwitchCamera}
              label={t('device.flip')}
              className="icon-button-glass"
              onPress={() => void media.flip()}
            />
          )}
        </div>
      </div>
      <div
        className="level"
        ref={level}
        role="img"
        aria-label={t('green.level')}
        data-off={!microphone.wanted || undefined}
      >
        <span className="level-bar" />
      </div>
      {isInsecure && <InsecureText />}
      {(['microphone', 'camera'] as const).map((input) => {
        const { failure, wanted } = input === 'microphone' ? microphone : camera;
        if (failure === undefined || failure === 'insecure' || !wanted) return null;
        return <FailureText key={input} input={input} failure={failure} onRetry={() => void media.retry(input)} />;
      })}
    </section>
  );
}

/** Whether the browser is going to ask: then it is said beforehand what for. */
function useWillAsk(): boolean {
  const [willAsk, setWillAsk] = useState(false);
  useEffect(() => {
    let isThere = true;
    void Promise.all([permission('camera'), permission('microphone')]).then((states) => {
      if (isThere) setWillAsk(states.includes('prompt'));
    });
    return () => {
      isThere = false;
    };
  }, []);
  return willAsk;
}
