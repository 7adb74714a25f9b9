import { Check, ChevronUp } from 'lucide-react';
import type { ReactNode } from 'react';
import { Button, Header, Menu, MenuItem, MenuSection, MenuTrigger, Popover } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import { useStore } from '../call/hooks.ts';
import type { Input } from '../devices/capture.ts';
import type { Choice } from '../devices/list.ts';
import type { LocalMedia } from '../devices/localMedia.ts';
import { useChoices } from '../devices/useChoices.ts';

interface SectionProps {
  readonly title: string;
  readonly choices: readonly Choice[];
  readonly chosen: string;
  readonly onChoose: (id: string) => void;
}

function DeviceSection({ title, choices, chosen, onChoose }: SectionProps): ReactNode {
  const isKnown = choices.some((choice) => choice.id === chosen);
  return (
    <MenuSection
      selectionMode="single"
      disallowEmptySelection
      selectedKeys={[`k:${isKnown ? chosen : ''}`]}
      onSelectionChange={(keys) => {
        const [key] = keys;
        if (typeof key === 'string') onChoose(key.slice(2));
      }}
    >
      <Header className="menu-section-head">{title}</Header>
      {choices.map(({ id, label }) => (
        <MenuItem key={id} id={`k:${id}`} className="menu-item" textValue={label}>
          {({ isSelected }) => (
            <>
              <Check aria-hidden className={isSelected ? '' : 'is-invisible'} />
              <span className="menu-text">{label}</span>
            </>
          )}
        </MenuItem>
      ))}
    </MenuSection>
  );
}

/** Which microphone and speaker, or which camera, is used: beside the switch. */
export function DeviceMenu({ media, input }: { readonly media: LocalMedia; readonly input: Input }): ReactNode {
  const { t } = useTranslation();
  const state = useStore(media);
  const { microphones, cameras, speakers } = useChoices(media);
  const inputs = input === 'microphone' ? microphones : cameras;
  return (
    <MenuTrigger>
      <Button className="bar-caret" aria-label={t('device.options', { kind: t(`device.${input}`) })}>
        <ChevronUp aria-hidden />
      </Button>
      <Popover className="popover" placement="top start">
        <Menu className="menu">
          <DeviceSection
            title={t(`device.${input}`)}
            choices={inputs.length > 0 ? inputs : [{ id: '', label: t('device.none') }]}
            chosen={state[input].deviceId}
            onChoose={(id) => void media.choose(input, id)}
          />
          {input === 'microphone' && speakers.length > 0 && (
            <DeviceSection
              title={t('device.speaker')}
              choices={speakers}
              chosen={state.speakerId}
              onChoose={(id) => {
                media.chooseSpeaker(id);
              }}
            />
          )}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
