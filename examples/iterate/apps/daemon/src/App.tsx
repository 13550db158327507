import { Page, Status } from "@iterate/ui";
import { useServices } from "./useServices.ts";

export function App() {
  const services = useServices();
  return (
    <Page title="Iterate daemon">
      <ul>
        {services.map(({ name, ok, milliseconds, error }) => (
          <li key={name}>
            {name}: <Status ok={ok}>{ok ? `ok in ${milliseconds} ms` : error}</Status>
          </li>
        ))}
      </ul>
    </Page>
  );
}
