/** `example.com/controller` (apimachinery pkg/util/validation/validation.go eed236c). */
import { fieldError, type FieldError } from '../field-errors.ts'
import { validateDnsSubdomain } from './validate-values.ts'

const httpPath = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+"

export const validateDomainPath = (text: string, field: string): readonly FieldError[] => {
  if (text === '') return [fieldError.required(field)]
  const slash = text.indexOf('/')
  const [host, path] = [text.slice(0, Math.max(slash, 0)), text.slice(slash + 1)]
  if (host === '' || path === '') {
    return [fieldError.invalid(field, text, 'must be a domain-prefixed path (such as "acme.io/foo")')]
  }
  const errors: FieldError[] = [...validateDnsSubdomain(host, field)]
  if (new RegExp(`^${httpPath}$`).test(path)) return errors
  const why = `Invalid path (regex used for validation is '${httpPath}')`
  return [...errors, fieldError.invalid(field, path, why)]
}
