import type { ReactNode } from 'react';
import { Button } from 'react-aria-components';
import { useTranslation } from 'react-i18next';
import type { Input } from './capture.ts';
import type { Failure } from './failure.ts';

interface FailureTextProps {
  readonly input: Input;
  readonly failure: Failure;
  readonly onRetry: () => void;
}

/** Why a device does not work, and what one can do about it. */
export function FailureText({ input, failure, onRetry }: FailureTextProps): ReactNode {
  const { t } = useTranslation();
  const hopeless = failure === 'insecure' || failure === 'unsupported';
  return (
    <div className="problem" role="status" data-failure={failure} data-input={input}>
      <span>{t(`failure.${input}.${failure}`)}</span>
      {!hopeless && (
        <Button className="text-button" onPress={onRetry}>
          {t('device.retry')}
        </Button>
      )}
    </div>
  );
}
