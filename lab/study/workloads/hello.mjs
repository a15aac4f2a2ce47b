export const respond = () => "hello\n";
