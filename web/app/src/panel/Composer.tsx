import { Paperclip, SendHorizontal } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { TextArea, TextField } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import type { RoomClient } from '../call/roomClient.ts';
import { IconButton } from '../ui/Controls.tsx';

/** Where messages are written: Enter sends, Shift+Enter begins a new line. */
export function Composer({ room, onAttach }: { readonly room: RoomClient; readonly onAttach: () => void }): ReactNode {
  const { t } = useTranslation();
  const [text, setText] = useState('');
  // Counted as the server does, in code points.
  const over = Array.from(text).length - (room.limits?.chatChars ?? Infinity);
  const canSend = text.trim() !== '' && over <= 0;
  const send = (): void => {
    if (!canSend) return;
    room.sendChat(text.trim());
    setText('');
  };
  return (
    <div className="composer">
      <IconButton icon={Paperclip} label={t('chat.attach')} className="icon-button-plain" onPress={onAttach} />
      <TextField
        className="composer-field"
        aria-label={t('chat.input')}
        value={text}
        onChange={setText}
        isInvalid={over > 0}
        // The panel was opened to write, unless a phone's keyboard would cover it.
        autoFocus={matchMedia('(pointer: fine)').matches}
      >
        <TextArea
          className="composer-input"
          data-testid="chat-input"
          placeholder={t('chat.placeholder')}
          rows={1}
          onKeyDown={(event) => {
            // While an input method composes, Enter takes its suggestion.
            if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        {over > 0 && <p className="composer-over">{t('chat.tooLong', { count: over })}</p>}
      </TextField>
      <IconButton
        icon={SendHorizontal}
        label={t('chat.send')}
        className="composer-send"
        testId="chat-send"
        isDisabled={!canSend}
        onPress={send}
      />
    </div>
  );
}
